import { diff3Merge, mergeDigIn } from 'node-diff3';
import { mergeJson, mergeJsonFor } from './merge-json.ts';
import { mergeList, mergeTomlItems } from './merge-list.ts';
import { mergeRequirements } from './merge-requirements.ts';

export interface Merged {
  readonly text: string;
  /** Whether both sides changed the same place: then `text` has both, between conflict markers. */
  readonly conflict: boolean;
}

/**
 * Three versions of one file into one, with your line ends. `package.json` merges by key, lists
 * (of dependencies, variables, patterns) by item, every other file by hunk. Locks never conflict:
 * what we locked wins, since who changed the dependencies writes the lock anew.
 *
 * @param yours the file as it is on disk
 * @param base the file as it was rendered when the project was made; undefined if it was not
 * @param ours the file as it would be rendered now
 */
export function mergeFile(
  path: string,
  yours: string,
  base: string | undefined,
  ours: string,
): Merged {
  // Lines that differ in their end alone are equal, unless one file has both kinds: then to change
  // one would lose what you have.
  const plain = hasMixedLineEnds(yours) ? yours : toLf(yours);
  const merged =
    base === undefined
      ? markDifferences(plain, toLf(ours))
      : mergeByPath(path, plain, toLf(base), toLf(ours));
  return { ...merged, text: withLineEndsOf(yours, merged.text) };
}

function mergeByPath(path: string, yours: string, base: string, ours: string): Merged {
  if (path === 'package.json') {
    const merged = mergeJson(yours, base, ours);
    if (merged) return markDifferences(merged.yours, merged.ours);
  }
  const lock =
    path === 'package-lock.json'
      ? mergeJsonFor('ours', yours, base, ours, isLockedPackage)
      : /^requirements(-dev)?\.txt$/.test(path)
        ? mergeRequirements(yours, base, ours)
        : undefined;
  if (lock !== undefined) return { text: lock, conflict: false };
  const list = mergeList(path, yours, base, ours);
  return list === undefined ? mergeText(path, yours, base, ours) : { text: list, conflict: false };
}

/** One package's version, hash and dependencies belong together. */
function isLockedPackage(path: readonly string[]): boolean {
  return path.length === 2 && path[0] === 'packages' && path[1] !== '';
}

const OPEN = '<<<<<<< yours';
const CLOSE = '>>>>>>> create-llm-api';
const LABELS = { a: 'yours', b: 'create-llm-api' } as const;

function mergeText(path: string, yours: string, base: string, ours: string): Merged {
  const options = { excludeFalseConflicts: true };
  let conflict = false;
  const lines = diff3Merge(split(yours), split(base), split(ours), options).flatMap((region) => {
    if (region.ok) return region.ok;
    if (!region.conflict) return [];
    const { a, o, b } = region.conflict;
    const items = path === 'pyproject.toml' ? mergeTomlItems(a, o, b) : undefined;
    if (items) return items;
    conflict = true;
    return [OPEN, ...a, '=======', ...b, CLOSE];
  });
  return { text: joinMarked(lines), conflict };
}

/** Every line in which two texts differ between markers; a conflict where there is one. */
function markDifferences(yours: string, ours: string): Merged {
  if (yours === ours) return { text: yours, conflict: false };
  const { result } = mergeDigIn(split(yours), [], split(ours), { label: LABELS });
  return { text: joinMarked(result), conflict: true };
}

/** The line (from 1) of the first conflict that a run of ours left in a text. */
export function findMarker(text: string): number | undefined {
  const lines = split(toLf(text));
  const line = lines.indexOf(OPEN);
  return line >= 0 && lines.indexOf(CLOSE, line) >= 0 ? line + 1 : undefined;
}

function split(text: string): string[] {
  return text.split('\n');
}

/** A marker is a line of its own, also where the text ends without one. */
function joinMarked(lines: readonly string[]): string {
  return lines.join('\n') + (lines.at(-1) === CLOSE ? '\n' : '');
}

function toLf(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

function hasMixedLineEnds(text: string): boolean {
  return text.includes('\r\n') && /(^|[^\r])\n/.test(text);
}

/** An editor on Windows may have changed every line end: they stay as they are on disk. */
export function withLineEndsOf(yours: string, text: string): string {
  const windows = yours.includes('\r\n') && !hasMixedLineEnds(yours);
  return windows ? toLf(text).replaceAll('\n', '\r\n') : text;
}
