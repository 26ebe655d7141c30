import { usageError } from './errors.ts';
import { json } from './escape.ts';
import type { PackageManager, StackName } from './stacks.ts';

/** Everything a project is a function of. The API key is not among them: it is never rendered. */
export interface Answers {
  /** The directory's last segment, as the user typed it. */
  readonly name: string;
  readonly stack: StackName;
  readonly addons: readonly string[];
  readonly model: string;
  readonly baseUrl: string;
  readonly packageManager: PackageManager;
}

export const DEFAULT_DIRECTORY = 'my-llm-api';
export const DEFAULT_MODEL = 'gpt-4o';
export const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

/** npm's limit on a package name, which also keeps every file system content. */
const MAX_NAME_BYTES = 214;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/;
/**
 * Not possible in a Windows file name (`<>:"|?*`), expanded by the shells that launch scripts
 * (`$`, backtick, `%`), or the end of a path for the tools that read paths as URLs (`#`).
 */
const FORBIDDEN_CHARACTERS = /[<>:"|?*$`%#]/u;
/**
 * Control, format (bidirectional overrides), lone surrogates, unassigned, line separators. As text,
 * because a literal is built wherever this file is loaded, out of tables of all of Unicode.
 */
const INVISIBLE_CHARACTERS = '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Zl}\\p{Zp}]';
const HOST_NAME = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])$/;
/**
 * All but what a path needs and every reader takes as it stands: `$(id)` or `it's` in the path of
 * a URL would be more than text in a `.env` that a shell sources.
 */
const NOT_PLAIN_IN_URL = /[^A-Za-z0-9\-._~:/@%+,=[\]]|(?<=:)~/g;

/**
 * Why `name` cannot name a project, or undefined when it can.
 * An accepted name gives a project that installs, builds and passes its tests.
 */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  if (/[/\\]/.test(name)) return 'has a path separator';
  if (hasInvisible(name)) return 'has control or invisible characters';
  if (/^[.-]/.test(name)) return 'starts with a dot or a dash';
  if (/^\s|[\s.]$/u.test(name)) return 'starts with a space, or ends with a space or a dot';
  const forbidden = FORBIDDEN_CHARACTERS.exec(name);
  if (forbidden) return `has the character ${forbidden[0]}`;
  if (WINDOWS_DEVICE.test(name.toLowerCase())) return 'is the name of a device on Windows';
  const bytes = utf8Length(name);
  if (bytes > MAX_NAME_BYTES) return `is ${bytes} bytes long (the limit is ${MAX_NAME_BYTES})`;
  return undefined;
}

function hasInvisible(text: string): boolean {
  return !isPlainAscii(text) && new RegExp(INVISIBLE_CHARACTERS, 'u').test(text);
}

/** Nearly every name is. */
function isPlainAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

/** @throws CliError (2) when the name is not usable */
export function parseName(name: string): string {
  const problem = nameProblem(name);
  if (!problem) return name;
  throw usageError(
    `The project name ${quote(name)} ${problem}.`,
    `Choose another directory name, for example ${DEFAULT_DIRECTORY}.`,
  );
}

/** In quotes, with what one cannot see shown by its number. */
function quote(text: string): string {
  const shown = [...text].map((c) => (hasInvisible(c) ? json(c) : JSON.stringify(c)));
  return `"${shown.map((c) => c.slice(1, -1)).join('')}"`;
}

/** @throws CliError (2): a model is 1..128 of letters, digits and `. _ : / @ + -` */
export function parseModel(model: string): string {
  if (/^[A-Za-z0-9._:/@+-]{1,128}$/.test(model)) return model;
  throw usageError(
    `The model name ${quote(model)} is not one: 1 to 128 of letters, digits and . _ : / @ + -`,
    `For example: --model ${DEFAULT_MODEL}`,
  );
}

/**
 * A base URL as the SDKs want it: http or https, no trailing slash.
 * @throws CliError (2) for anything else, and for credentials, a query or a fragment in it
 */
export function parseBaseUrl(text: string): string {
  const example = `For example: --base-url ${DEFAULT_BASE_URL}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The text is not repeated: what is no URL may well be a key pasted in the wrong place.
    throw usageError('--base-url is not a URL.', example);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw usageError(
      `--base-url must start with http:// or https://, not ${url.protocol}`,
      example,
    );
  }
  if (url.username || url.password) {
    throw usageError(
      '--base-url has a user name or password in it, which would be written into the project.',
      'Put the key into .env as OPENAI_API_KEY instead.',
    );
  }
  if (url.search || url.hash || /[?#]$/.test(text)) {
    throw usageError('--base-url has a query or a fragment.', example);
  }
  if (!HOST_NAME.test(url.hostname)) {
    throw usageError('--base-url has a host name that no host has.', example);
  }
  const normalized = url.href
    .replace(/\/+$/, '')
    .replace(NOT_PLAIN_IN_URL, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  if (normalized.length > 512) throw usageError('--base-url is over 512 characters long.', example);
  return normalized;
}

/**
 * The project's name in `package.json` and `pyproject.toml`: valid for npm and PyPI, and none of
 * `taken` (npm cannot install a package below one of the same name).
 */
export function slugify(name: string, taken: readonly string[] = []): string {
  const letters = (isPlainAscii(name) ? name : withoutAccents(name))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100)
    .replace(/-+$/, '');
  const slug = letters || 'llm-api-project';
  return taken.includes(slug) ? `${slug}-project` : slug;
}

function withoutAccents(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '');
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** What is wrong with an API key; never repeats it. */
export function keyProblem(key: string): string | undefined {
  if (key === '') return 'The key is empty.';
  // What every reader of a .env file takes as it stands: no quotes, spaces, # or $.
  if (/^[A-Za-z0-9._~+/=:@-]{1,512}$/.test(key)) return undefined;
  return 'The key has characters that no API key has (spaces, quotes, line breaks?).';
}

/** @throws CliError (2) without the key in it */
export function parseKey(key: string): string {
  const problem = keyProblem(key);
  if (problem) throw usageError(problem, 'Copy it again, or pass --no-key to use the mock.');
  return key;
}
