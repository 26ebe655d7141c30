import { type Answers, parseBaseUrl, parseModel, parseName } from './answers.ts';
import { formatJson } from './compose.ts';
import { CliError } from './errors.ts';
import { languageOf, PACKAGE_MANAGERS, STACKS } from './stacks.ts';
import { type FileEntry, type FileTree, sortTree } from './tree.ts';

/**
 * The project's memory of how it was made, committed with it: `project.json` holds the tool's
 * version and the answers, `base.json` the files as rendered. It is one JSON file, not a folder of
 * copies, so that linters, test runners and search do not meet every file twice.
 */
export const RECORD_DIRECTORY = '.llm-api';
export const PROJECT_FILE = `${RECORD_DIRECTORY}/project.json`;
export const BASE_FILE = `${RECORD_DIRECTORY}/base.json`;

/** Raised when the shape of the two files changes. */
const RECORD_FORMAT = 1;

export interface ProjectRecord {
  /** The version of create-llm-api that wrote it. */
  readonly version: string;
  readonly answers: Answers;
}

/** The two files of the record for a project rendered as `base`. */
export function formatRecord({ version, answers }: ProjectRecord, base: FileTree): FileTree {
  const files = [...base].map(([path, { text, mode }]) => [path, { text, mode: mode.toString(8) }]);
  const asEntry = (value: unknown): FileEntry => ({ text: formatJson(value), mode: 0o644 });
  return sortTree([
    [PROJECT_FILE, asEntry({ format: RECORD_FORMAT, version, answers })],
    [BASE_FILE, asEntry({ format: RECORD_FORMAT, files: Object.fromEntries(files) })],
  ]);
}

const DAMAGED_HINT = 'Was it edited by hand? Restore it from git.';

/**
 * @param text of `.llm-api/project.json`
 * @throws CliError when it is not JSON, of a newer format, or holds what no `create` wrote: it is
 *   rendered again by `upgrade`, and came with the repository
 */
export function parseProject(text: string): ProjectRecord {
  const { version, answers: found } = parseFormat(text, PROJECT_FILE);
  const answers = (found ?? {}) as Partial<Record<keyof Answers, unknown>>;
  const stack = STACKS.find(({ name }) => name === answers.stack)?.name;
  if (!stack) {
    throw new CliError(`${PROJECT_FILE} names no stack that this version knows.`, {
      hint: DAMAGED_HINT,
    });
  }
  return {
    version: readPart('version', version, (text) => text),
    answers: {
      name: readPart('name', answers.name, parseName),
      stack,
      addons: readAddons(answers.addons),
      model: readPart('model', answers.model, parseModel),
      baseUrl: readPart('baseUrl', answers.baseUrl, parseBaseUrl),
      packageManager: readPart('packageManager', answers.packageManager, (text) =>
        PACKAGE_MANAGERS[languageOf(stack)].find((name) => name === text),
      ),
    },
  };
}

function readPart<Part>(
  part: string,
  value: unknown,
  parse: (text: string) => Part | undefined,
): Part {
  try {
    const parsed = typeof value === 'string' ? parse(value) : undefined;
    if (parsed !== undefined) return parsed;
  } catch {
    // Its complaint is about a flag; this is about a file.
  }
  throw new CliError(`${PROJECT_FILE} has no usable "${part}".`, { hint: DAMAGED_HINT });
}

function readAddons(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return readPart('addons', undefined, () => []);
  return value.map((name) => readPart('addons', name, (text) => text));
}

/** @throws CliError as parseProject, and for a path that leads out of the project */
export function parseBase(text: string): FileTree {
  const { files } = parseFormat(text, BASE_FILE);
  if (typeof files !== 'object' || files === null || Array.isArray(files)) {
    throw new CliError(`${BASE_FILE} has no "files".`, { hint: DAMAGED_HINT });
  }
  return sortTree(Object.entries(files).map(([path, file]) => [path, parseEntry(path, file)]));
}

function parseEntry(path: string, file: { text?: unknown; mode?: unknown } | null): FileEntry {
  const { text, mode } = file ?? {};
  const usable = typeof text === 'string' && typeof mode === 'string' && /^[0-7]{3}$/.test(mode);
  if (usable && isInside(path)) return { text, mode: Number.parseInt(mode, 8) };
  throw new CliError(`${BASE_FILE} has a file that cannot be: ${JSON.stringify(path)}.`, {
    hint: DAMAGED_HINT,
  });
}

/** Relative, with no way up, whatever system reads it. */
function isInside(path: string): boolean {
  return !/[\\:]/.test(path) && path.split('/').every((name) => !['', '.', '..'].includes(name));
}

function parseFormat(text: string, path: string): Record<string, unknown> {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CliError(`${path} is not JSON.`, { hint: 'Restore it from git.', cause });
  }
  if (value?.format === RECORD_FORMAT) return value;
  throw new CliError(`${path} has a format that this version does not read.`, {
    hint: 'Run the newest version: npx -p create-llm-api@latest llm-api …',
  });
}
