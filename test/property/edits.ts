import fc from 'fast-check';
import { type FileTree, sortTree } from '../../src/core/tree.ts';

/** One thing that a person, or we, did to a file: positions are shares of its length. */
export interface Edit {
  readonly kind: 'insert' | 'replace' | 'delete' | 'repeat';
  readonly file: number;
  readonly at: number;
  readonly from: number;
}

export const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('insert', 'replace', 'delete', 'repeat'),
  file: fc.nat(0xffff),
  at: fc.nat(0xffff),
  from: fc.nat(0xffff),
});

/** @param tag makes the lines of one side unlike those of the other */
export function editText(text: string, edits: readonly Edit[], tag: string): string {
  const lines = text.split('\n');
  for (const [index, { kind, at, from }] of edits.entries()) {
    const place = at % lines.length;
    const mine = `${tag} ${index}`;
    if (kind === 'insert') lines.splice(place, 0, mine);
    // A line that is there already: what differs by place alone is hard to tell apart.
    else if (kind === 'repeat') lines.splice(place, 0, lines[from % lines.length] ?? '');
    else if (kind === 'replace' && place < lines.length - 1) lines[place] = mine;
    else if (place < lines.length - 1) lines.splice(place, 1);
  }
  return lines.join('\n');
}

/** The same edits all over a project, locks and JSON left alone: their lines are no lines. */
export function editTree(files: FileTree, edits: readonly Edit[], tag: string): FileTree {
  const paths = [...files.keys()].filter((path) => !/\.json$|^requirements/.test(path));
  const changed = new Map(files);
  for (const [index, each] of edits.entries()) {
    const path = paths[each.file % paths.length] ?? '';
    const file = changed.get(path);
    if (file) changed.set(path, { ...file, text: editText(file.text, [each], `${tag} ${index}`) });
  }
  return sortTree(changed);
}
