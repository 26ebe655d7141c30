import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { binPath, makeFolder, plainEnvironment, runCli } from '../harness/cli.ts';

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

test('nobody reads any more: no complaint, and no failure', async () => {
  const child = spawn(process.execPath, [binPath('llm-api'), 'completion', 'bash'], {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const [code] = await once(child, 'close');
  expect({ code, complaint }).toEqual({ code: 0, complaint: '' });
});

test('a file has the same words as a pipe', async () => {
  const file = join(await makeFolder(), 'help.txt');
  const output = openSync(file, 'w');
  const child = spawn(process.execPath, [binPath('create-llm-api'), '--help'], {
    env: plainEnvironment(),
    stdio: ['ignore', output, 'inherit'],
  });
  closeSync(output);
  await once(child, 'close');
  const { stdout } = await runCli('create-llm-api', ['--help']);
  expect(stdout).toMatch(/^Usage: create-llm-api /);
  expect(readFileSync(file, 'utf8')).toBe(stdout);
});
