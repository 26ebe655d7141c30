import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileOp } from '../../src/core/plan.ts';
import { applyOps, readDisk } from '../../src/effects/project.ts';

/** A small project before and after, and the operations that lead from one to the other. */
export const OLD = {
  'a.txt': 'a\n',
  'b/c.txt': 'c\n',
  'b/gone.txt': 'g\n',
  'only/gone.txt': 'o\n',
  'mine.txt': 'mine\n',
  '.llm-api/base.json': '{}\n',
};
export const NEW = {
  'a.txt': 'A\n',
  'b/c.txt': 'C\n',
  'mine.txt': 'mine\n',
  'new/deep/er.sh': '##!/bin/sh\n',
  '.llm-api/base.json': '{"new":1}\n',
};
const file = (text: string, mode = 0o644) => ({ text, mode });
export const OPS: readonly FileOp[] = [
  { kind: 'update', path: '.llm-api/base.json', file: file('{"new":1}\n') },
  { kind: 'update', path: 'a.txt', file: file('A\n') },
  { kind: 'merge', path: 'b/c.txt', file: file('C\n') },
  { kind: 'delete', path: 'b/gone.txt' },
  { kind: 'delete', path: 'only/gone.txt' },
  { kind: 'skip', path: 'skipped.txt', why: 'you deleted it' },
  { kind: 'create', path: 'new/deep/er.sh', file: file('#!/bin/sh\n', 0o755) },
];

export async function makeOld(folder: string): Promise<string> {
  for (const [path, text] of Object.entries(OLD)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

export const apply = async (folder: string) =>
  applyOps(folder, OPS, await readDisk(folder, Object.keys({ ...OLD, ...NEW })));
