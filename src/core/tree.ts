/** One file: its text, and its permission bits (0o644 unless it is meant to be run). */
export interface FileEntry {
  readonly text: string;
  readonly mode: number;
}

/** Path (relative, `/` on every system) → file. A project, a template or a disk, as a value. */
export type FileTree = ReadonlyMap<string, FileEntry>;

/** Prints a template with these values; `print` is what `<%=` calls. */
export type Fill = (context: object, print: (value: unknown) => string) => string;

/** A file of a template. One that is compiled has no text any more, but what prints it. */
export interface TemplateFile extends FileEntry {
  readonly fill?: Fill;
}

export type TemplateTree = ReadonlyMap<string, TemplateFile>;

export const EMPTY_TREE: FileTree = new Map();

/** The same entries in the order of their paths, so that equal trees are written alike. */
export function sortTree<File extends FileEntry>(
  entries: Iterable<readonly [string, File]>,
): ReadonlyMap<string, File> {
  return new Map([...entries].sort(([a], [b]) => comparePaths(a, b)));
}

/** Byte order, not the locale's: the same on every machine. */
export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
