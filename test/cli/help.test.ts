import { expect, test } from 'vitest';
import { runCli } from '../harness/cli.ts';

test('help of a command that there is not names the nearest, and is wrong usage', async () => {
  const { code, stdout, stderr } = await runCli('llm-api', ['help', 'template']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe('error There is no command "template".\nDid you mean templates?\n');
});

test('help of a command is what its --help says', async () => {
  const [asked, flag] = [
    await runCli('llm-api', ['help', 'dev']),
    await runCli('llm-api', ['dev', '--help']),
  ];
  expect(asked).toEqual(flag);
});
