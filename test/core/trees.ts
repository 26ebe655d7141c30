import type { FileOp } from '../../src/core/plan.ts';
import { type FileEntry, type FileTree, sortTree } from '../../src/core/tree.ts';

/** A tree as one reads it: path → text, or the whole entry where the mode matters. */
export function tree(files: Readonly<Record<string, string | FileEntry>>): FileTree {
  return sortTree(
    Object.entries(files).map(([path, file]) => [
      path,
      typeof file === 'string' ? { text: file, mode: 0o644 } : file,
    ]),
  );
}

/** What `disk` is after the operations: `apply`, as a value. */
export function applyPlan(disk: FileTree, ops: readonly FileOp[]): FileTree {
  const files = new Map(disk);
  for (const op of ops) {
    if (op.kind === 'delete') files.delete(op.path);
    else if (op.kind !== 'skip') files.set(op.path, op.file);
  }
  return sortTree(files);
}

/** One text a path, for comparing: modes left out. */
export function texts(files: FileTree): Readonly<Record<string, string>> {
  return Object.fromEntries([...files].map(([path, { text }]) => [path, text]));
}
