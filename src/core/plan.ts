import { mergeFile } from './merge.ts';
import { comparePaths, type FileEntry, type FileTree } from './tree.ts';

/** One thing to do to a directory, or not to do, and why. Only `apply` acts on it. */
export type FileOp =
  | {
      readonly kind: 'create' | 'update' | 'merge';
      readonly path: string;
      readonly file: FileEntry;
    }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'skip'; readonly path: string; readonly why: string }
  | {
      readonly kind: 'conflict';
      readonly path: string;
      readonly why: string;
      readonly file: FileEntry;
    };

/**
 * What turns `disk` into `target`, keeping every change made since `base`. Files that are already
 * as they should be get no operation. A conflict is a value: its file is what to look at (both
 * versions between markers, or the version that is not on disk), and the rest goes on without it.
 *
 * @param base the project as rendered when it was made; empty for a new one
 * @param disk what is there now, at the paths of `base` and `target` at least
 * @param target the project as it should be
 * @returns operations in the order of their paths, at most one a path
 */
export function plan(base: FileTree, disk: FileTree, target: FileTree): readonly FileOp[] {
  const paths = new Set([...base.keys(), ...target.keys()]);
  return [...paths].sort(comparePaths).flatMap((path) => {
    const op = planFile(path, base.get(path), disk.get(path), target.get(path));
    return op ? [op] : [];
  });
}

type Maybe = FileEntry | undefined;

function planFile(path: string, base: Maybe, disk: Maybe, target: Maybe): FileOp | undefined {
  if (!target) return base && disk ? planRemoval(path, base, disk) : undefined;
  if (!disk) {
    if (!base) return { kind: 'create', path, file: target };
    // Deleting a file is a decision, and an upgrade does not take it back.
    return { kind: 'skip', path, why: 'you deleted it' };
  }
  if (!base) {
    if (sameText(disk, target)) return undefined;
    return { kind: 'conflict', path, why: 'a file of yours is already there', file: target };
  }
  const mode = mergeMode(base, disk, target);
  if (sameText(disk, target) || sameText(base, target)) {
    // The disk's own text: its line ends are no reason to write it.
    if (mode !== disk.mode) return { kind: 'update', path, file: { text: disk.text, mode } };
    if (sameText(disk, target)) return undefined;
    return { kind: 'skip', path, why: 'you changed it, we did not' };
  }
  if (sameText(disk, base)) return { kind: 'update', path, file: { text: target.text, mode } };
  return planMerge(path, base, disk, { text: target.text, mode });
}

function planRemoval(path: string, base: FileEntry, disk: FileEntry): FileOp {
  if (sameText(disk, base)) return { kind: 'delete', path };
  return { kind: 'conflict', path, why: 'you changed it, and we no longer ship it', file: disk };
}

function planMerge(
  path: string,
  base: FileEntry,
  disk: FileEntry,
  target: FileEntry,
): FileOp | undefined {
  const { text, conflict } = mergeFile(path, disk.text, base.text, target.text);
  const file = { text, mode: target.mode };
  if (conflict) return { kind: 'conflict', path, why: 'both of us changed the same lines', file };
  // The change that we would make may be there already, made by hand.
  if (sameText(file, disk) && file.mode === disk.mode) return undefined;
  return { kind: 'merge', path, file };
}

/**
 * Yours, unless we made a script of the file or took that back: whom else you let read it is your
 * own matter, and a disk may not know modes at all.
 */
function mergeMode(base: FileEntry, disk: FileEntry, target: FileEntry): number {
  const ours = isExecutable(target);
  return isExecutable(base) === ours || isExecutable(disk) === ours ? disk.mode : target.mode;
}

function isExecutable({ mode }: FileEntry): boolean {
  return (mode & 0o100) !== 0;
}

/** Equal but for line ends, which git and editors on Windows change on their own. */
function sameText(a: FileEntry, b: FileEntry): boolean {
  return a.text === b.text || a.text.replaceAll('\r\n', '\n') === b.text.replaceAll('\r\n', '\n');
}

/** The same plan for someone who said that our version wins: conflicts become updates. */
export function resolveForOurs(ops: readonly FileOp[]): readonly FileOp[] {
  return ops.map((op) =>
    op.kind === 'conflict' ? { kind: 'update', path: op.path, file: op.file } : op,
  );
}
