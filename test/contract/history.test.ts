import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../harness/cli.ts';
import { editFiles, readTree } from '../harness/older-project.ts';
import { describeProjects } from './describe.ts';
import { cleanEnvironment } from './environment.ts';
import { EDITS, makeFirstRelease } from './first-release.ts';
import { findCommand } from './own.ts';
import { runProgram } from './program.ts';

/** As a person who reads both sides: ours, and what they had written themselves. */
function resolveConflicts(text: string, first: string): string {
  const known = new Set(first.split('\n'));
  const block = /^<{7} yours\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} create-llm-api\n/gm;
  return text.replace(block, (_, yours: string, ours: string) => {
    const own = yours.split('\n').filter((line) => !known.has(line));
    return ours + own.map((line) => `${line}\n`).join('');
  });
}

describeProjects('a project of the first release, after months of work', {}, (project) => {
  const { stack } = project;
  let directory: string;
  let files: Readonly<Record<string, string>>;

  beforeAll(async () => {
    ({ directory, files } = await makeFirstRelease(stack));
    await editFiles(directory, EDITS[stack](files));
    // What this version's lock says, as the command at the end of an upgrade would install it.
    for (const name of await readdir(project.directory)) {
      if (!/^(\.venv|node_modules)$/.test(name)) continue;
      await symlink(join(project.directory, name), join(directory, name));
    }
  });
  afterAll(() => rm(dirname(directory), { recursive: true }));

  test('is upgraded, loses no line of its owner, and passes its tests', {
    timeout: 120_000,
  }, async () => {
    const before = await readTree(directory);
    const { code, stdout } = await runCli('llm-api', ['upgrade', '--json'], { cwd: directory });
    const { conflicts = [], error } = JSON.parse(stdout);
    expect(code, error).toBe(conflicts.length === 0 ? 0 : 1);
    const after = await readTree(directory);
    for (const [path, text] of Object.entries(before)) {
      // The record holds our files, and our tests may say "mine" too.
      if (path.startsWith('.llm-api/')) continue;
      const kept = new Set(after[path]?.split(/\r?\n/));
      const lost = text.split(/\r?\n/).filter((line) => /\bmine\b/i.test(line) && !kept.has(line));
      expect(lost, path).toEqual([]);
    }

    for (const place of conflicts as readonly string[]) {
      const path = join(directory, place.replace(/:\d+$/, ''));
      const first = files[place.replace(/:\d+$/, '')] ?? '';
      await writeFile(path, resolveConflicts(await readFile(path, 'utf8'), first));
    }
    const again = await runCli('llm-api', ['upgrade'], { cwd: directory });
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('Up to date')]);

    const argv = await findCommand(directory, 'test');
    const run = await runProgram(argv, { cwd: directory, env: cleanEnvironment() });
    expect(run.code, `conflicts: ${conflicts}\n${run.output}`).toBe(0);
  });
});
