import { good, type Judgement } from './doctor.ts';
import { count } from './doctor-dependencies.ts';
import type { FileTree } from './tree.ts';

const SHOWN = 10;

/** What became of the files since they were written. It is what a project is for: nothing is bad. */
export function judgeFiles(base: FileTree, disk: FileTree): Judgement {
  const changed: string[] = [];
  const deleted: string[] = [];
  for (const [path, { text }] of base) {
    const found = disk.get(path);
    if (!found) deleted.push(path);
    else if (unifyLineEnds(found.text) !== unifyLineEnds(text)) changed.push(path);
  }
  const all = `${count(base.size, 'file')} of the template`;
  if (changed.length + deleted.length === 0) return good(`${all}, all as they were written`);
  const lines = [
    ...changed.map((path) => `changed ${path}`),
    ...deleted.map((path) => `deleted ${path}`),
  ];
  const more = lines.length - SHOWN;
  return good(`${all}: ${changed.length} changed by you, ${deleted.length} deleted`, [
    ...lines.slice(0, SHOWN),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]);
}

/** git and editors on Windows change them on their own. */
function unifyLineEnds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
