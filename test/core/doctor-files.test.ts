import { expect, test } from 'vitest';
import { judgeFiles } from '../../src/core/doctor-files.ts';

const tree = (files: Readonly<Record<string, string>>) =>
  new Map(Object.entries(files).map(([path, text]) => [path, { text, mode: 0o644 }]));

const base = tree({ 'a.ts': 'one\ntwo\n', 'b.ts': 'b\n', 'c.ts': 'c\n' });

test('files as they were written, but for line ends', () => {
  const disk = tree({ 'a.ts': 'one\r\ntwo\r\n', 'b.ts': 'b\n', 'c.ts': 'c\n', 'mine.ts': '' });
  expect(judgeFiles(base, disk)).toEqual({
    verdict: 'good',
    text: '3 files of the template, all as they were written',
  });
});

test('what changed is told, and is not bad', () => {
  expect(judgeFiles(base, tree({ 'a.ts': 'mine\n', 'b.ts': 'b\n' }))).toEqual({
    verdict: 'good',
    text: '3 files of the template: 1 changed by you, 1 deleted',
    details: ['changed a.ts', 'deleted c.ts'],
  });
});
