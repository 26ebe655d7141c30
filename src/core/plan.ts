import { mergeFile, withLineEndsOf } from './merge.ts';
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
      /** Both versions, between markers where they differ. */
      readonly file: FileEntry;
      readonly ours: FileEntry;
    };

/**
 * What turns `disk` into `target`, keeping every change made since `base`. Files that are already
 * as they should be, and those that we did not change, get no operation. A conflict is a value, and
 * the rest goes on without it.
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
    return sameText(base, target) ? undefined : { kind: 'skip', path, why: 'you deleted it' };
  }
  if (!base) {
    if (sameText(disk, target)) return undefined;
    return planMerge(path, undefined, disk, target);
  }
  const mode = mergeMode(base, disk, target);
  if (sameText(disk, target) || sameText(base, target)) {
    // The disk's own text: its line ends are no reason to write it.
    return mode === disk.mode ? undefined : { kind: 'update', path, file: { ...disk, mode } };
  }
  if (sameText(disk, base)) {
    const text = withLineEndsOf(disk.text, target.text);
    return { kind: 'update', path, file: { text, mode } };
  }
  return planMerge(path, base, disk, { ...target, mode });
}

function planRemoval(path: string, base: FileEntry, disk: FileEntry): FileOp {
  if (sameText(disk, base)) return { kind: 'delete', path };
  return { kind: 'skip', path, why: 'you changed it, and we no longer ship it: now it is yours' };
}

function planMerge(
  path: string,
  base: Maybe,
  disk: FileEntry,
  target: FileEntry,
): FileOp | undefined {
  const { text, conflict } = mergeFile(path, disk.text, base?.text, target.text);
  const file = { text, mode: target.mode };
  if (conflict) {
    const why = base ? 'both of us changed the same lines' : 'a file of yours is already there';
    return { kind: 'conflict', path, why, file, ours: target };
  }
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
