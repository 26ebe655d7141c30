import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layoutOf } from '../../src/core/stacks.ts';
import { startMock } from '../../src/mock/index.ts';
import { findFreePort } from '../harness/free-port.ts';
import { copyProject } from './copy.ts';
import { describeProjects } from './describe.ts';
import { findLeaks, KEY } from './environment.ts';
import { generate, send } from './http.ts';
import { startOwn, startOwnServer } from './own.ts';
import { expectProblem } from './problem.ts';
import { occupyPort, stopProgram, withDeadline } from './program.ts';

const MISTAKES = {
  PORT: '0',
  APP_ENV: 'staging',
  OPENAI_BASE_URL: 'not-a-url',
  LOG_LEVEL: 'loud',
  MAX_PROMPT_CHARS: 'many',
  MAX_BODY_BYTES: '-1',
};
const ASYNC_MISTAKES = {
  MAX_OUTPUT_TOKENS: '0',
  CONNECT_TIMEOUT: '0',
  IDLE_TIMEOUT: '-1',
  REQUEST_TIMEOUT: 'soon',
  MAX_RETRIES: '-1',
  DRAIN_TIMEOUT: 'never',
};

/** Started by the project's own command, as a container does. */
describeProjects('settings', {}, ({ stack, directory }) => {
  test('tells all mistakes at once, each by its name, and does not start', async () => {
    const mistakes = layoutOf(stack) === 'async' ? { ...MISTAKES, ...ASYNC_MISTAKES } : MISTAKES;
    const { code, output } = await runToEnd(directory, { OPENAI_API_KEY: KEY, ...mistakes });
    for (const name of Object.keys(mistakes)) expect(output).toContain(name);
    expect(findLeaks(output)).toEqual([]);
    expect(code).toBe(1);
  });

  test('does not start in production without a key', async () => {
    const { code, output } = await runToEnd(directory, { APP_ENV: 'production' });
    expect(output).toContain('OPENAI_API_KEY');
    expect(findLeaks(output)).toEqual([]);
    expect(code).toBe(1);
  });

  test('does not start with a key that no header can carry, nor show it', async () => {
    const { code, output } = await runToEnd(directory, { OPENAI_API_KEY: `${KEY}…` });
    expect(output).toContain('OPENAI_API_KEY');
    expect(findLeaks(output)).toEqual([]);
    expect(code).toBe(1);
  });

  test('says in one sentence that its port is taken', async () => {
    const taken = await occupyPort();
    const { port } = taken.address() as AddressInfo;
    const { code, output } = await runToEnd(directory, { OPENAI_API_KEY: KEY, PORT: String(port) });
    taken.close();
    expect(findLeaks(output)).toEqual([]);
    const sentences = output.split('\n').filter((line) => line.includes(String(port)));
    expect(sentences, output).toHaveLength(1);
    expect(code).not.toBe(0);
  });

  test('starts in development without a key, warns once, and says so to callers', async () => {
    const { program, url } = await startOwnServer(directory, {});
    const warnings = program.output().match(/^.*OPENAI_API_KEY.*$/gm);
    expect(warnings).toHaveLength(1);
    expectProblem(await send(url, generate()), 'upstream-misconfigured');
    expect(await stopProgram(program)).toBe(0);
  });

  test('reads .env, below the environment; an empty variable is none', async () => {
    const mock = await startMock();
    const copy = await copyProject(directory);
    const file = `OPENAI_API_KEY=${KEY}\nLLM_MODEL=from-dotenv\nMAX_PROMPT_CHARS=1\nMAX_BODY_BYTES=\n`;
    await writeFile(join(copy, '.env'), file);
    const { program, url } = await startOwnServer(copy, {
      OPENAI_BASE_URL: mock.url,
      LLM_MODEL: '',
      MAX_PROMPT_CHARS: '50',
    });
    expect((await send(url, generate())).status).toBe(200);
    expect(mock.requests[0]?.body).toMatchObject({ model: 'from-dotenv' });
    expect(await stopProgram(program)).toBe(0);
    await mock.close();
  });
});

async function runToEnd(directory: string, env: Readonly<Record<string, string>>) {
  const program = await startOwn(directory, { PORT: String(await findFreePort()), ...env });
  const code = await withDeadline(program.ended, 20);
  if (code === undefined) await stopProgram(program);
  return { code, output: program.output() };
}
