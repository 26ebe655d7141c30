import { expect, test } from 'vitest';
import { describeProjects } from './describe.ts';
import { cleanEnvironment } from './environment.ts';
import { findCommand, findLints } from './own.ts';
import { runProgram } from './program.ts';

const MINUTES = 60_000;

describeProjects('the project itself', {}, ({ directory }) => {
  test('passes its own tests', { timeout: 2 * MINUTES }, async () => {
    await expectToPass(await findCommand(directory, 'test'));
  });

  test('passes its own linters and type checks', { timeout: 2 * MINUTES }, async () => {
    for (const argv of await findLints(directory)) await expectToPass(argv);
  });

  async function expectToPass(argv: readonly string[]): Promise<void> {
    const { code, output } = await runProgram(argv, { cwd: directory, env: cleanEnvironment() });
    expect(code, `${argv.join(' ')}\n${output}`).toBe(0);
  }
});
