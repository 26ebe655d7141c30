import type { FileOp } from './plan.ts';
import { type FileTree, sortTree } from './tree.ts';

/** What `plan` makes of a target where nothing is yet: apart from it, since nothing is merged. */
export function planNew(target: FileTree): readonly FileOp[] {
  return [...sortTree(target)].map(([path, file]) => ({ kind: 'create', path, file }));
}

/** The same plan for someone who said that our version wins: conflicts become updates. */
export function resolveForOurs(ops: readonly FileOp[]): readonly FileOp[] {
  return ops.map((op) =>
    op.kind === 'conflict' ? { kind: 'update', path: op.path, file: op.ours } : op,
  );
}
