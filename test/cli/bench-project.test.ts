import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder, runCli } from '../harness/cli.ts';
import { makeProject, readPids, readSurvivors, writeProgram } from '../harness/fake-project.ts';
import { startTool } from '../harness/running.ts';
import { waitFor } from '../harness/wait.ts';

const SHORT = ['--duration', '0.5', '--warmup', '0', '--connections', '4'];

async function makeBenched(stack: 'fastapi' | 'flask' = 'fastapi'): Promise<string> {
  const directory = await makeFolder();
  await makeProject(directory, { stack });
  return directory;
}

test('starts the project as in production, measures it and the mock, and ends both', async () => {
  const directory = await makeBenched();
  const fake = await readFile(join(directory, '.venv/bin/python'), 'utf8');
  const note = "require('node:fs').writeFileSync('env.json', JSON.stringify(process.env));";
  await writeProgram(join(directory, '.venv/bin/python'), `${note}\n${fake.replace(/^#!.*/, '')}`);

  const args = ['bench', ...SHORT, '--json', '--ttft', '20'];
  const { code, stdout } = await runCli('llm-api', args, {
    cwd: directory,
    env: { WORKERS: '2', LLM_API_KEY: 'sk-mine' },
  });

  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    failed: 0,
    server: { title: 'FastAPI', processes: 2 },
    upstream: { ttft: 20, tps: 0 },
    ceiling: { requestsPerSecond: expect.any(Number) },
  });
  const env = JSON.parse(await readFile(join(directory, 'env.json'), 'utf8'));
  expect(env).toMatchObject({ APP_ENV: 'production', RATE_LIMIT: '0', MAX_CONCURRENCY: '4' });
  expect(env.OPENAI_BASE_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
  expect(env.API_KEYS).toMatch(/^[0-9a-f]{48}$/);
  expect(stdout).not.toContain(env.API_KEYS);
  expect(await readSurvivors(directory)).toEqual([]);
  await expect(fetch(env.OPENAI_BASE_URL)).rejects.toThrow();
});

test('warns that the mock is what limits', async () => {
  // The fake server asks nobody, so it is far faster than a mock that takes its time.
  const directory = await makeBenched();
  const args = ['bench', ...SHORT, '--ttft', '100'];
  const { stdout } = await runCli('llm-api', args, { cwd: directory });
  expect(stdout).toContain('FastAPI, as in production, one process');
  expect(stdout).toContain('Note: The mock alone gives');
});

test('a server that does not start is heard', async () => {
  const directory = await makeBenched();
  const { code, stderr } = await runCli('llm-api', ['bench', ...SHORT], {
    cwd: directory,
    env: { FAKE: 'refuses' },
  });
  expect(code).toBe(1);
  expect(stderr).toContain('The server did not start');
  expect(stderr).toContain('OPENAI_API_KEY: is needed in production');
});

test('Ctrl-C ends everything that it started', async () => {
  const directory = await makeBenched();
  const running = startTool(['bench', '--duration', '60'], {
    cwd: directory,
    env: { FAKE: 'family' },
  });
  await running.waitFor('FastAPI …');
  await waitFor(async () => (await readPids(directory)).length === 3);
  running.signal('SIGINT');
  expect((await running.ended).code).toBe(130);
  expect(await readSurvivors(directory)).toEqual([]);
});

test.each([
  [['--stream'], 'does not stream'],
  [['--key-stdin'], '--key-stdin is for a URL'],
])('%j is wrong usage for a simple stack', async (args, words) => {
  const directory = await makeBenched('flask');
  const { code, stderr } = await runCli('llm-api', ['bench', ...args], { cwd: directory });
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});

test('without a project or a URL it says what to name', async () => {
  const { code, stderr } = await runCli('llm-api', ['bench'], { cwd: await makeFolder() });
  expect(code).toBe(2);
  expect(stderr).toContain('llm-api bench http://127.0.0.1:8000');
});
