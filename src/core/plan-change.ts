import { followMoves, type Moves } from './moves.ts';
import { type FileOp, plan } from './plan.ts';
import { formatRecord, type ProjectRecord } from './record.ts';
import { resolveForOurs } from './resolve-for-ours.ts';
import { EMPTY_TREE, type FileTree } from './tree.ts';

export interface ChangeSides {
  /** The project as it was rendered last. */
  readonly base: FileTree;
  /** What is there now, the record included. */
  readonly disk: FileTree;
  readonly target: FileTree;
  readonly moves: Moves;
  /** What the project remembers afterwards; conflicts are remembered as merged. */
  readonly record: ProjectRecord;
}

/**
 * As `plan`, with files where somebody moved them, and the record of it: that is nobody's but ours,
 * and has every file where we put it.
 */
export function planChange({ base, disk, target, moves, record }: ChangeSides): readonly FileOp[] {
  const files = formatRecord(record, target);
  const [before, after] = [followMoves(base, moves), followMoves(target, moves)];
  return [...resolveForOurs(plan(EMPTY_TREE, disk, files)), ...plan(before, disk, after)];
}

/** The operations that write something. */
export function writtenBy(ops: readonly FileOp[]): readonly FileOp[] {
  return ops.filter(({ kind }) => kind !== 'skip');
}
