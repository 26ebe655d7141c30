/**
 * Text that a user typed. It cannot reach a template by itself: only an escaper for the language
 * of the file opens it, so that what a user types never becomes code.
 */
export class UserText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** @throws Error always: the template forgot its escaper */
  toString(): never {
    throw new Error('a value that a user typed reached a template without an escaper');
  }

  static open(value: UserText | string): string {
    return typeof value === 'string' ? value : value.#text;
  }
}

type Value = UserText | string;

/** A JSON string, quotes included. It escapes every non-ASCII character, so any reader agrees. */
export function json(value: Value): string {
  return JSON.stringify(UserText.open(value)).replace(/[\u007f-\uffff]/g, escapeUnit);
}

/** A TypeScript string in single quotes, as the formatters write it. */
export function ts(value: Value): string {
  return `'${json(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** A Python string in double quotes. Characters beyond U+FFFF take Python's long escape. */
export function py(value: Value): string {
  const text = [...UserText.open(value)].map((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : json(character).slice(1, -1);
  });
  return `"${text.join('')}"`;
}

/** A TOML basic string, or an array of them with one on each line. */
export function toml(value: Value | readonly Value[]): string {
  if (Array.isArray(value)) {
    return value.length === 0
      ? '[]'
      : `[\n${value.map((item) => `    ${toml(item)},\n`).join('')}]`;
  }
  return py(value as Value);
}

/** A YAML double-quoted scalar: Python's, since YAML's readers do not join JSON's surrogate pairs. */
export function yaml(value: Value): string {
  return py(value);
}

/** Inline Markdown text: what could start markup or HTML is escaped, line breaks become spaces. */
export function md(value: Value): string {
  return UserText.open(value)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]()!|~]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

/** One word for a POSIX shell, quoted only where it has to be. */
export function sh(value: Value): string {
  const text = UserText.open(value);
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
