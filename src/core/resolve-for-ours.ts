import type { FileOp } from './plan.ts';

/** The same plan for someone who said that our version wins: conflicts become updates. */
export function resolveForOurs(ops: readonly FileOp[]): readonly FileOp[] {
  return ops.map((op) =>
    op.kind === 'conflict' ? { kind: 'update', path: op.path, file: op.ours } : op,
  );
}
