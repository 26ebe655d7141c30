import { expect, test } from 'vitest';
import { runCli } from '../harness/cli.ts';

test('help of a command that there is not names the nearest, and is wrong usage', async () => {
  const { code, stdout, stderr } = await runCli('llm-api', ['help', 'template']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe("error Unknown command 'template'.\nDid you mean templates?\n");
});

test('a command that there is not is called the same without "help"', async () => {
  const [plain, help] = [
    await runCli('llm-api', ['template']),
    await runCli('llm-api', ['help', 'template']),
  ];
  expect(plain).toEqual(help);
});

test('the examples stand in columns', async () => {
  const { stdout } = await runCli('create-llm-api', ['--help']);
  const examples = stdout.split('\n').filter((line) => /^ {2}npx create-llm-api/.test(line));
  const columns = examples.map((line) => line.search(/ {2}(?=\S+( \S+)*$)/));
  expect(examples.length).toBeGreaterThan(3);
  expect(new Set(columns.filter((column) => column > 0)).size).toBe(1);
});

test.each(['add', 'remove'])(
  'help of "%s" says what each add-on is, and for what',
  async (name) => {
    const { stdout } = await runCli('llm-api', [name, '--help']);
    expect(stdout.match(/github-actions/g)).toHaveLength(1);
    expect(stdout).toMatch(/^ {2}docker {10}\S[^(]*\(every\s+stack\)$/m);
    expect(stdout).toMatch(/^ {2}redis {11}\S[^:]* \(fastapi,\s+fastify\)$/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  },
);

test('help of a command is what its --help says', async () => {
  const [asked, flag] = [
    await runCli('llm-api', ['help', 'dev']),
    await runCli('llm-api', ['dev', '--help']),
  ];
  expect(asked).toEqual(flag);
});
