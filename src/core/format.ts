import { diffIndices } from 'node-diff3';
import { comparePaths } from './tree.ts';

/** Paths as an indented tree, folders first met in path order. */
export function formatTree(root: string, paths: readonly string[]): string {
  const lines = [`${root}/`];
  let open: readonly string[] = [];
  for (const path of [...paths].sort(comparePaths)) {
    const folders = path.split('/');
    const name = folders.pop();
    const shared = countShared(open, folders);
    for (let depth = shared; depth < folders.length; depth++) {
      lines.push(`${'  '.repeat(depth + 1)}${folders[depth]}/`);
    }
    lines.push(`${'  '.repeat(folders.length + 1)}${name}`);
    open = folders;
  }
  return lines.join('\n');
}

function countShared(a: readonly string[], b: readonly string[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}

const CONTEXT_LINES = 3;

/** A unified diff of two texts, empty when they are equal. */
export function formatDiff(path: string, before: string, after: string): string {
  const from = before.split('\n');
  const to = after.split('\n');
  const hunks = diffIndices(from, to).map((change) => {
    const [start, length] = change.buffer1;
    const first = Math.max(0, start - CONTEXT_LINES);
    const lead = from.slice(first, start).map((line) => ` ${line}`);
    const removed = change.buffer1Content.map((line) => `-${line}`);
    const added = change.buffer2Content.map((line) => `+${line}`);
    const tail = from.slice(start + length, start + length + CONTEXT_LINES).map((l) => ` ${l}`);
    return [`@@ line ${start + 1} @@`, ...lead, ...removed, ...added, ...tail].join('\n');
  });
  return hunks.length === 0 ? '' : [`--- ${path}`, `+++ ${path}`, ...hunks].join('\n');
}
