import { type FileOp, plan, resolveForOurs } from './plan.ts';
import { formatRecord, type ProjectRecord } from './record.ts';
import { EMPTY_TREE, type FileTree } from './tree.ts';

export interface ChangeSides {
  /** The project as it was rendered last. */
  readonly base: FileTree;
  /** What is there now, the record included. */
  readonly disk: FileTree;
  readonly target: FileTree;
  /** What the project remembers afterwards; conflicts are remembered as merged. */
  readonly record: ProjectRecord;
}

/** As `plan`, and the record of it: that is nobody's but ours. */
export function planChange({ base, disk, target, record }: ChangeSides): readonly FileOp[] {
  const files = formatRecord(record, target);
  return [...resolveForOurs(plan(EMPTY_TREE, disk, files)), ...plan(base, disk, target)];
}

/** The operations that write something. */
export function writtenBy(ops: readonly FileOp[]): readonly FileOp[] {
  return ops.filter(({ kind }) => kind !== 'skip');
}
