import { describe, expect, test } from 'vitest';
import { plan } from '../../src/core/plan.ts';
import { planNew } from '../../src/core/plan-new.ts';
import { EMPTY_TREE, type FileEntry } from '../../src/core/tree.ts';
import { applyPlan, tree } from './trees.ts';

type Side = string | FileEntry | null;
const script = (text: string): FileEntry => ({ text, mode: 0o755 });
const plain = (text: string): FileEntry => ({ text, mode: 0o644 });

const FIVE = 'one\ntwo\nthree\nfour\nfive\n';
const YOURS = 'ONE\ntwo\nthree\nfour\nfive\n';
const OURS = 'one\ntwo\nthree\nfour\nFIVE\n';
const BOTH = 'ONE\ntwo\nthree\nfour\nFIVE\n';
const windows = (text: string): string => text.replaceAll('\n', '\r\n');

/** base, disk, target (null: not there) → the one operation, or undefined for none. */
const CASES: readonly (readonly [string, Side, Side, Side, object | undefined])[] = [
  ['new for us', null, null, 'a\n', { kind: 'create', file: plain('a\n') }],
  ['new and to be run', null, null, script('#!'), { kind: 'create', file: script('#!') }],
  ['changed by us only', 'a\n', 'a\n', 'b\n', { kind: 'update', file: plain('b\n') }],
  ['changed by the user only', 'a\n', 'mine\n', 'a\n', undefined],
  ['unchanged', 'a\n', 'a\n', 'a\n', undefined],
  ['both changed, in different places', FIVE, YOURS, OURS, { kind: 'merge', file: plain(BOTH) }],
  ['both changed alike', 'a\n', 'b\n', 'b\n', undefined],
  ['ours is in yours already', FIVE, BOTH, OURS, undefined],
  [
    'both changed the same line',
    'a\nb\nc\n',
    'a\nmine\nc\n',
    'a\nours\nc\n',
    {
      kind: 'conflict',
      why: 'both of us changed the same lines',
      file: plain('a\n<<<<<<< yours\nmine\n=======\nours\n>>>>>>> create-llm-api\nc\n'),
      ours: plain('a\nours\nc\n'),
    },
  ],
  [
    'no common ancestor',
    null,
    'mine\nboth\n',
    'ours\nboth\n',
    {
      kind: 'conflict',
      why: 'a file of yours is already there',
      file: plain('<<<<<<< yours\nmine\n=======\nours\n>>>>>>> create-llm-api\nboth\n'),
      ours: plain('ours\nboth\n'),
    },
  ],
  ['no common ancestor, and the same', null, 'a\n', 'a\n', undefined],
  ['deleted by the user', 'a\n', null, 'a\n', undefined],
  [
    'deleted by the user, changed by us',
    'a\n',
    null,
    'b\n',
    { kind: 'skip', why: 'you deleted it' },
  ],
  ['deleted by us', 'a\n', 'a\n', null, { kind: 'delete' }],
  ['deleted by both', 'a\n', null, null, undefined],
  [
    'deleted by us, changed by the user',
    'a\n',
    'mine\n',
    null,
    { kind: 'skip', why: 'you changed it, and we no longer ship it: now it is yours' },
  ],
  ['a file of the user, which we know nothing of', null, 'mine\n', null, undefined],

  ['CRLF on disk, unchanged', FIVE, windows(FIVE), FIVE, undefined],
  [
    'CRLF on disk, changed by us',
    FIVE,
    windows(FIVE),
    OURS,
    { kind: 'update', file: plain(windows(OURS)) },
  ],
  ['CRLF on disk, deleted by us', FIVE, windows(FIVE), null, { kind: 'delete' }],
  ['CRLF on disk, new and the same', null, windows(FIVE), FIVE, undefined],
  [
    'CRLF on disk, both changed',
    FIVE,
    windows(YOURS),
    OURS,
    { kind: 'merge', file: plain(windows(BOTH)) },
  ],
  ['CRLF on disk, changed by the user only', FIVE, windows(YOURS), FIVE, undefined],

  ['made executable by us', 'a\n', 'a\n', script('a\n'), { kind: 'update', file: script('a\n') }],
  ['made executable by us, on disk already', 'a\n', script('a\n'), script('a\n'), undefined],
  [
    'made executable by us, by the user in a way of his own',
    'a\n',
    { text: 'a\n', mode: 0o700 },
    script('a\n'),
    undefined,
  ],
  ['made executable by the user', 'a\n', script('a\n'), 'a\n', undefined],
  [
    'made executable by the user, changed by us',
    'a\n',
    script('a\n'),
    'b\n',
    { kind: 'update', file: script('b\n') },
  ],
  [
    'made executable by us, changed by the user',
    FIVE,
    YOURS,
    script(OURS),
    { kind: 'merge', file: script(BOTH) },
  ],
  [
    'kept from others by the user, changed by us',
    'a\n',
    { text: 'a\n', mode: 0o600 },
    'b\n',
    { kind: 'update', file: { text: 'b\n', mode: 0o600 } },
  ],
];

describe('one file', () => {
  test.each(CASES)('%s', (_title, base, disk, target, expected) => {
    const path = 'dir/file.txt';
    const one = (side: Side) => (side === null ? EMPTY_TREE : tree({ [path]: side }));
    expect(plan(one(base), one(disk), one(target))).toEqual(
      expected ? [{ path, ...expected }] : [],
    );
  });
});

describe('a project', () => {
  test('into nothing, without what merges: the same operations', () => {
    const target = new Map([
      ...tree({ 'b/c': '1', d: { text: '2', mode: 0o755 } }),
      ...tree({ a: '' }),
    ]);
    expect(planNew(target)).toEqual(plan(EMPTY_TREE, EMPTY_TREE, target));
  });

  const base = tree({
    'a.txt': 'a\n',
    'b/c.txt': 'c\n',
    'run.sh': script('#!\n'),
    'old.txt': 'o\n',
  });
  const target = tree({ 'a.txt': 'A\n', 'b/c.txt': 'c\n', 'run.sh': '#!\n', 'b/new.txt': 'n\n' });

  test('already as it should be: nothing to do', () => {
    expect(plan(base, base, base)).toEqual([]);
  });

  test('untouched since it was made: becomes the target exactly', () => {
    expect(applyPlan(base, plan(base, base, target))).toEqual(target);
  });

  test('from nothing: every file is created, and none else', () => {
    const ops = plan(EMPTY_TREE, EMPTY_TREE, target);
    expect(ops.map((op) => op.kind)).toEqual(['create', 'create', 'create', 'create']);
    expect(applyPlan(EMPTY_TREE, ops)).toEqual(target);
  });

  test('a second time: nothing is left to do', () => {
    const once = applyPlan(base, plan(base, base, target));
    expect(plan(target, once, target)).toEqual([]);
  });

  test('operations come in the order of their paths, one a path', () => {
    const ops = plan(base, base, target);
    expect(ops.map((op) => `${op.kind} ${op.path}`)).toEqual([
      'update a.txt',
      'create b/new.txt',
      'delete old.txt',
      'update run.sh',
    ]);
  });

  test('a conflict in one file does not keep the others from theirs', () => {
    const disk = tree({
      'a.txt': 'mine\n',
      'b/c.txt': 'c\n',
      'run.sh': script('#!\n'),
      'old.txt': 'o\n',
    });
    const ops = plan(base, disk, target);
    expect(ops.map((op) => `${op.kind} ${op.path}`)).toEqual([
      'conflict a.txt',
      'create b/new.txt',
      'delete old.txt',
      'update run.sh',
    ]);
  });

  test('files of the user at other paths are never part of a plan', () => {
    const disk = tree({ ...Object.fromEntries(base), 'notes.md': 'mine\n' });
    expect(plan(base, disk, EMPTY_TREE).map((op) => op.path)).not.toContain('notes.md');
  });
});
