/** One file: its text, and its permission bits (0o644 unless it is meant to be run). */
export interface FileEntry {
  readonly text: string;
  readonly mode: number;
}

/** Path (relative, `/` on every system) → file. A project, a template or a disk, as a value. */
export type FileTree = ReadonlyMap<string, FileEntry>;

export const EMPTY_TREE: FileTree = new Map();

/** The same entries in the order of their paths, so that equal trees are written alike. */
export function sortTree(entries: Iterable<readonly [string, FileEntry]>): FileTree {
  return new Map([...entries].sort(([a], [b]) => comparePaths(a, b)));
}

/** Byte order, not the locale's: the same on every machine. */
export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
