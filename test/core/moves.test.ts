import { describe, expect, test } from 'vitest';
import { findMoves, followMoves } from '../../src/core/moves.ts';
import { texts, tree } from './trees.ts';

const lines = (...names: readonly string[]): string => names.map((name) => `${name}\n`).join('');
const [FIVE, OTHER] = [lines('a', 'b', 'c', 'd', 'e'), lines('v', 'w', 'x', 'y', 'z')];

describe('a file is found where it was moved to', () => {
  test.each([
    ['as it was', FIVE],
    ['changed', lines('a', 'B', 'c', 'd', 'e', 'f')],
    ['with the line ends of Windows', FIVE.replaceAll('\n', '\r\n')],
  ])('%s', (_title, text) => {
    const others = tree({ 'x/y.py': text, 'other.py': OTHER });
    expect([...findMoves(tree({ 'a.py': FIVE }), others)]).toEqual([['a.py', 'x/y.py']]);
  });

  test('each is one other at most, the likest one', () => {
    const gone = tree({ 'a.py': FIVE, 'b.py': lines('a', 'b', 'c', 'd', 'x') });
    const others = tree({ 'x/a.py': FIVE, 'x/b.py': lines('a', 'b', 'c', 'd', 'X', 'x') });
    expect([...findMoves(gone, others)].sort()).toEqual([
      ['a.py', 'x/a.py'],
      ['b.py', 'x/b.py'],
    ]);
  });
});

describe('no move', () => {
  test.each([
    ['another file', 'x.py', OTHER],
    ['little in common', 'x.py', lines('a', 'b', 'x', 'y', 'z')],
    ['another kind of file', 'x.md', FIVE],
  ])('%s', (_title, path, text) => {
    expect(findMoves(tree({ 'a.py': FIVE }), tree({ [path]: text })).size).toBe(0);
  });

  test('too short to tell', () => {
    expect(findMoves(tree({ 'a.py': 'x\n' }), tree({ 'b.py': 'x\n' })).size).toBe(0);
  });
});

test('a tree with its files where they were moved to', () => {
  const files = tree({ 'a.py': FIVE, 'b.py': OTHER });
  expect(texts(followMoves(files, new Map([['a.py', 'z/a.py']])))).toEqual({
    'b.py': OTHER,
    'z/a.py': FIVE,
  });
});
