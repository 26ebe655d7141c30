import { readFileSync } from 'node:fs';
import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CliError } from '../../src/core/errors.ts';
import { applyOps, readDisk, recoverProject } from '../../src/effects/project.ts';
import { makeFolder } from '../harness/cli.ts';
import { readTree } from '../harness/older-project.ts';
import { apply, makeOld, NEW, OLD, OPS } from '../harness/small-change.ts';

describe('without an accident', () => {
  test('everything is done, and nothing is left behind', async () => {
    const folder = await makeOld(await makeFolder());
    const applied = await apply(folder);
    await applied.keep();
    expect(await readTree(folder)).toEqual(NEW);
    expect((await readdir(folder)).sort()).toEqual(['.llm-api', 'a.txt', 'b', 'mine.txt', 'new']);
    expect(await readdir(join(folder, '.llm-api'))).toEqual(['base.json']);
  });

  test('taken back: as it was', async () => {
    const folder = await makeOld(await makeFolder());
    const applied = await apply(folder);
    await writeFile(join(folder, 'installed.txt'), 'by an installer\n');
    await applied.undo();
    expect(await readTree(folder)).toEqual(OLD);
  });
});

describe('an accident', () => {
  test('one file cannot be put in its place: everything is as it was', async () => {
    const folder = await makeOld(await makeFolder());
    const disk = await readDisk(folder, Object.keys(OLD));
    await writeFile(join(folder, 'new'), 'a file where a folder belongs\n');
    await expect(applyOps(folder, OPS, disk)).rejects.toThrow('Nothing was changed.');
    expect(await readTree(folder)).toEqual({ ...OLD, new: 'a file where a folder belongs\n' });
  });

  test('a file was changed since it was looked at: nothing is done', async () => {
    const folder = await makeOld(await makeFolder());
    const disk = await readDisk(folder, Object.keys(OLD));
    await writeFile(join(folder, 'b/c.txt'), 'changed meanwhile\n');
    await expect(applyOps(folder, OPS, disk)).rejects.toThrow('b/c.txt was changed by something');
    expect(await readTree(folder)).toEqual({ ...OLD, 'b/c.txt': 'changed meanwhile\n' });
  });

  test('a link is put back as a link', async () => {
    const folder = await makeOld(await makeFolder());
    await rm(join(folder, 'a.txt'));
    await symlink('mine.txt', join(folder, 'a.txt'));
    const applied = await apply(folder);
    await applied.undo();
    await writeFile(join(folder, 'mine.txt'), 'through the link\n');
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('through the link\n');
  });

  test('another run that is under way is not disturbed', async () => {
    const copy = await makeOld(await makeFolder());
    const applied = await apply(copy);
    await writeFile(join(copy, '.llm-api/pending/pid'), String(process.ppid));
    expect(() => recoverProject(copy)).toThrow(CliError);
    expect(() => recoverProject(copy)).toThrow('Another run is changing this project.');
    await applied.keep();
  });
});
