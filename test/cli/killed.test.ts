import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { recoverProject } from '../../src/effects/project.ts';
import { makeFolder, ROOT, runCli } from '../harness/cli.ts';
import { makeFileFolder } from '../harness/folder.ts';
import { createProject, makeOlder, readTree } from '../harness/older-project.ts';
import { makeOld, NEW, OLD, OPS } from '../harness/small-change.ts';

const KILLER = join(ROOT, 'test/harness/kill-at.cjs');

const LONG = { timeout: 180_000 };

describe('the writing of a project, killed', () => {
  const folder = makeFileFolder();
  /** The real thing, as a small program of its own. */
  beforeAll(async () => {
    await build({
      stdin: {
        contents: `
          import { applyOps, readDisk, recoverProject } from './src/effects/project.ts';
          const { ops, paths, undo } = JSON.parse(process.env.WORK);
          recoverProject('.');
          const applied = await applyOps(process.cwd(), ops, await readDisk('.', paths));
          await (undo ? applied.undo() : applied.keep());`,
        resolveDir: ROOT,
      },
      outfile: join(folder(), 'apply.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
    await makeOld(join(folder(), 'old'));
  });

  function run(cwd: string, killAt: number, undo = false): number | undefined {
    const paths = Object.keys({ ...OLD, ...NEW });
    const env = {
      ...process.env,
      WORK: JSON.stringify({ ops: OPS, paths, undo }),
      KILL_AT: String(killAt),
      KILL_COUNT: join(folder(), 'count'),
    };
    const args = ['--require', KILLER, join(folder(), 'apply.mjs')];
    const { status, signal, stderr } = spawnSync(process.execPath, args, { cwd, env });
    if (signal !== 'SIGKILL' && status !== 0) throw new Error(String(stderr));
    return signal === 'SIGKILL' ? undefined : Number(readFileSync(env.KILL_COUNT, 'utf8').trim());
  }

  async function makeCopy(): Promise<string> {
    const copy = join(folder(), 'copy');
    await rm(copy, { recursive: true, force: true });
    await cp(join(folder(), 'old'), copy, { recursive: true });
    return copy;
  }

  test.each([
    ['on its way', false],
    ['on its way back', true],
  ])('before every write, %s: the next run finds the old or the new', LONG, async (_, undo) => {
    const count = run(await makeCopy(), 0, undo) ?? 0;
    await rm(join(folder(), 'count'));
    expect(count).toBeGreaterThan(40);
    const found = { old: 0, new: 0 };
    for (let at = 1; at <= count; at++) {
      const copy = await makeCopy();
      expect(run(copy, at, undo)).toBe(undefined);
      recoverProject(copy);
      const tree = await readTree(copy);
      const isNew = tree['a.txt'] === NEW['a.txt'];
      expect(tree, `killed before call ${at}`).toEqual(isNew ? NEW : OLD);
      expect(await readdir(join(copy, '.llm-api'))).toEqual(['base.json']);
      found[isNew ? 'new' : 'old']++;
    }
    expect(Math.min(found.old, found.new)).toBeGreaterThan(0);
  });

  test('while it goes on from an interruption: the next run still does', LONG, async () => {
    const first = 45;
    for (let at = 1; at <= 30; at++) {
      const copy = await makeCopy();
      run(copy, first);
      run(copy, at);
      recoverProject(copy);
      const tree = await readTree(copy);
      expect(tree).toEqual(tree['a.txt'] === NEW['a.txt'] ? NEW : OLD);
    }
  });

  test('what somebody changed after it is left as it is', async () => {
    const copy = await makeCopy();
    // Long before it is decided there is nothing to find.
    let at = 20;
    do {
      await makeCopy();
      run(copy, ++at);
    } while (!existsSync(join(copy, '.llm-api/pending')));
    await writeFile(join(copy, 'b/c.txt'), 'since then\n');
    expect(recoverProject(copy)).toEqual({ how: 'completed', left: ['b/c.txt'] });
    expect(await readTree(copy)).toEqual({ ...NEW, 'b/c.txt': 'since then\n' });
  });
});

test.each(['dev', 'start'])('%s first ends what a killed upgrade began', LONG, async (command) => {
  const cwd = await createProject(await makeFolder(), 'express', '-p', 'npm');
  const wanted = await readTree(cwd);
  await makeOlder(cwd, { 'AGENTS.md': 'older\n', 'old.ts': 'old\n' });
  const older = `${cwd}-older`;
  await cp(cwd, older, { recursive: true });
  const NODE_OPTIONS = `--require ${JSON.stringify(KILLER)}`;
  for (let at = 10; !existsSync(join(cwd, '.llm-api/pending')); at++) {
    await rm(cwd, { recursive: true });
    await cp(older, cwd, { recursive: true });
    const env = { NODE_OPTIONS, KILL_AT: String(at) };
    expect((await runCli('llm-api', ['upgrade'], { cwd, env })).code).toBe(137);
  }
  const { code, stderr } = await runCli('llm-api', [command], { cwd });
  expect(stderr).toContain('An earlier run was interrupted: it is complete now.\n');
  // Nothing was installed: that is the end of it, but the project is whole.
  expect({ code, tree: await readTree(cwd) }).toEqual({ code: 1, tree: wanted });
});

test('upgrade, killed at points all over it, and run again: the new project', LONG, async () => {
  const cwd = await createProject(await makeFolder(), 'express', '-p', 'npm');
  const wanted = await readTree(cwd);
  await makeOlder(cwd, { 'AGENTS.md': 'older\n', 'tsconfig.json': null, 'old.ts': 'old\n' });
  const older = `${cwd}-older`;
  await cp(cwd, older, { recursive: true });
  const NODE_OPTIONS = `--require ${JSON.stringify(KILLER)}`;
  let killed = 0;
  for (let at = 1, wasKilled = true; wasKilled; at += 4) {
    await rm(cwd, { recursive: true });
    await cp(older, cwd, { recursive: true });
    const env = { NODE_OPTIONS, KILL_AT: String(at) };
    const first = await runCli('llm-api', ['upgrade'], { cwd, env });
    wasKilled = first.code === 137;
    if (wasKilled) killed++;
    expect((await runCli('llm-api', ['upgrade'], { cwd })).code).toBe(0);
    expect(await readTree(cwd)).toEqual(wanted);
  }
  expect(killed).toBeGreaterThan(5);
});
