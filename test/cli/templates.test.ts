import { expect, test } from 'vitest';
import { STACKS } from '../../src/core/stacks.ts';
import { runCli } from '../harness/cli.ts';

test('lists every stack with what it is for', async () => {
  const { code, stdout } = await runCli('llm-api', ['templates']);
  expect(code).toBe(0);
  for (const { name, layout, language } of STACKS) {
    expect(stdout).toMatch(new RegExp(`^${name} +${layout} +${language} `, 'm'));
  }
});

test('--json is one document', async () => {
  const { stdout } = await runCli('llm-api', ['templates', '--json']);
  const stacks = JSON.parse(stdout) as Record<string, string>[];
  expect(stacks.map(({ name }) => name)).toEqual(STACKS.map(({ name }) => name));
  for (const stack of stacks) {
    expect(Object.keys(stack)).toEqual(['name', 'layout', 'language', 'title', 'summary']);
    expect(Object.values(stack).every((text) => text !== '')).toBe(true);
  }
});
