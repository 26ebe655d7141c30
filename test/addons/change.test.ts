import { expect, test } from 'vitest';
import { copyProject } from '../contract/copy.ts';
import { describeProjects } from '../contract/describe.ts';
import { cleanEnvironment } from '../contract/environment.ts';
import { findCommand, findLints } from '../contract/own.ts';
import { runProgram } from '../contract/program.ts';
import { runCli } from '../harness/cli.ts';
import { readTree } from '../harness/older-project.ts';

/** What a project's own commands leave behind. */
const DEBRIS = /(^|\/)(\.[a-z]+_cache|__pycache__|dist|coverage|[a-z]+-results)\//;

async function readFiles(directory: string): Promise<Readonly<Record<string, string>>> {
  const tree = Object.entries(await readTree(directory));
  return Object.fromEntries(tree.filter(([path]) => !DEBRIS.test(path)));
}

const LONG = { timeout: 180_000 };

describeProjects('add-ons that bring code and packages', { layout: 'async' }, (project) => {
  test(
    'go, and leave a project that passes its tests; come back, and it is as it was',
    LONG,
    async () => {
      const cwd = await copyProject(project.directory);
      const whole = await readFiles(cwd);
      const { addons } = JSON.parse(whole['.llm-api/project.json'] ?? '').answers;
      const change = async (verb: 'add' | 'remove', names: readonly string[]): Promise<void> => {
        const { code, stderr } = await runCli('llm-api', [verb, ...names], { cwd });
        expect(code, stderr).toBe(0);
      };

      await change('remove', addons);
      const bare = await readFiles(cwd);
      expect(
        Object.keys(bare).filter((path) =>
          /redis|openai|opentelemetry|kubernetes|docker/i.test(path),
        ),
      ).toEqual([]);
      for (const argv of [await findCommand(cwd, 'test'), ...(await findLints(cwd))]) {
        const { code, output } = await runProgram(argv, { cwd, env: cleanEnvironment() });
        expect(code, `${argv.join(' ')}\n${output}`).toBe(0);
      }

      // One by one, in an order that is not ours; kubernetes needs docker.
      const order = [...addons].filter((name) => name !== 'docker').reverse();
      for (const name of ['docker', ...order]) await change('add', [name]);
      expect(await readFiles(cwd)).toEqual(whole);
    },
  );
});
