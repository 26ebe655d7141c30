import type { FileOp } from './plan.ts';
import { type FileTree, sortTree } from './tree.ts';

/** What `plan` makes of a target where nothing is yet: apart from it, since nothing is merged. */
export function planNew(target: FileTree): readonly FileOp[] {
  return [...sortTree(target)].map(([path, file]) => ({ kind: 'create', path, file }));
}
