import { diffIndices } from 'node-diff3';
import { comparePaths } from './tree.ts';

/**
 * Paths as an indented tree, folders first met in path order.
 * @param note what to say behind a path
 */
export function formatTree(
  root: string,
  paths: readonly string[],
  note: (path: string) => string | undefined = () => undefined,
): string {
  const lines = [`${root}/`];
  let open: readonly string[] = [];
  for (const path of [...paths].sort(comparePaths)) {
    const folders = path.split('/');
    const name = folders.pop();
    const shared = countShared(open, folders);
    for (let depth = shared; depth < folders.length; depth++) {
      lines.push(`${'  '.repeat(depth + 1)}${folders[depth]}/`);
    }
    const said = note(path);
    lines.push(`${'  '.repeat(folders.length + 1)}${name}${said ? `  (${said})` : ''}`);
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

/** A unified diff of two texts, empty when they are equal but for line ends. */
export function formatDiff(path: string, before: string, after: string): string {
  const from = before.split(/\r?\n/);
  const changes = diffIndices(from, after.split(/\r?\n/));
  let shown = 0;
  const hunks = changes.map(({ buffer1: [start, length], buffer1Content, buffer2Content }, i) => {
    const end = start + length;
    // No line twice, though changes be nearer to each other than their context.
    const lead = from.slice(Math.max(shown, start - CONTEXT_LINES), start);
    shown = Math.min(end + CONTEXT_LINES, changes[i + 1]?.buffer1[0] ?? from.length);
    return [
      `@@ line ${start + 1} @@`,
      ...lead.map((line) => ` ${line}`),
      ...buffer1Content.map((line) => `-${line}`),
      ...buffer2Content.map((line) => `+${line}`),
      ...from.slice(end, shown).map((line) => ` ${line}`),
    ].join('\n');
  });
  return hunks.length === 0 ? '' : [`--- ${path}`, `+++ ${path}`, ...hunks].join('\n');
}
