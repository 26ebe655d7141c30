import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { layoutOf } from '../../src/core/stacks.ts';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { copyProject } from './copy.ts';
import { describeProjects } from './describe.ts';
import { bearer, CALLER_KEYS, serverEnvironment } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { generate, open, parseEvents, send } from './http.ts';
import { startOwnServer } from './own.ts';
import { withDeadline } from './program.ts';
import { startServer } from './server.ts';

describeProjects('ends', {}, ({ stack, directory }) => {
  const { mock, env } = useMock();
  const isAsync = layoutOf(stack) === 'async';

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s, after the requests that it has',
    async (signal) => {
      mock().setPace({ timeToFirstToken: 1500 });
      const { program, url } = await startOwnServer(directory, env());
      const answers = [send(url, generate())];
      if (isAsync) answers.push(send(url, generate({ stream: true })));
      await eventually(() => expect(mock().counts.open).toBe(answers.length));
      program.kill(signal);
      await eventually(async () => expect(await takesRequests(url)).toBe(false));
      const [plain, streamed] = await Promise.all(answers);
      expect(plain?.status).toBe(200);
      if (isAsync) expect(parseEvents(streamed?.text ?? '').at(-1)).toBe('[DONE]');
      expect(await withDeadline(program.ended, 10)).toBe(0);
    },
  );

  if (!isAsync) return;

  test('after DRAIN_TIMEOUT, however long the stream', async () => {
    mock().setFault('drip');
    const { program, url } = await startOwnServer(directory, {
      ...env(),
      DRAIN_TIMEOUT: '1',
      REQUEST_TIMEOUT: '60',
    });
    const answer = await open(url, generate({ stream: true }));
    await waitForToken(answer);
    program.kill('SIGTERM');
    expect(await withDeadline(program.ended, 8)).toBe(0);
    await eventually(() => expect(mock().counts.open).toBe(0));
  });
});

describeProjects('llm-api start', {}, ({ stack, directory }) => {
  const { env } = useMock();

  test('builds, serves as in production, and ends on SIGTERM', async () => {
    const copy = await copyProject(directory);
    const [key] = CALLER_KEYS;
    const server = await startServer({
      directory: copy,
      command: 'start',
      env: { ...env(), API_KEYS: key },
    });
    expect((await send(server.url, generate({}, bearer(key)))).status).toBe(200);
    if (stack === 'flask') expect(server.program.output()).toContain('gunicorn');
    await server.stop();
    expect(await server.program.ended).toBe(0);
  });
});

describeProjects('llm-api dev', {}, ({ stack, directory }) => {
  const { mock, env } = useMock();

  test('takes up a change of the code, open streams or not', async () => {
    const copy = await copyProject(directory);
    const { LLM_MODEL: _, ALLOWED_MODELS: __, ...rest } = env();
    const server = await startServer({ directory: copy, command: 'dev', env: rest });
    mock().setFault('drip');
    const stream =
      layoutOf(stack) === 'async' && (await open(server.url, generate({ stream: true })));
    if (stream) await waitForToken(stream);
    mock().setFault(undefined);

    await changeDefaultModel(copy, 'reloaded-model');
    const askedModel = async (): Promise<unknown> => {
      await send(server.url, generate()).catch(() => undefined);
      const asked = mock().requests.at(-1)?.body as { model?: string } | undefined;
      return asked?.model;
    };
    await eventually(async () => expect(await askedModel()).toBe('reloaded-model'), 20);
    await server.stop();
    expect(await server.program.ended).toBe(0);
  });
});

/** No connection at all, or a server that says that it is about to end. */
async function takesRequests(url: string): Promise<boolean> {
  const answer = await send(url, { path: '/readyz' }).catch(() => undefined);
  return answer !== undefined && answer.status !== 503;
}

/** A change of the code that one can see from outside. */
async function changeDefaultModel(directory: string, model: string): Promise<void> {
  const constant = /(\bDEFAULT_MODEL = )(["'])gpt-4o\2/;
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter(({ name }) => /\.(py|ts)$/.test(name))) {
    const path = join(entry.parentPath, entry.name);
    const source = await readFile(path, 'utf8');
    if (!constant.test(source)) continue;
    return writeFile(path, source.replace(constant, `$1$2${model}$2`));
  }
  throw new Error(`no DEFAULT_MODEL in ${directory}`);
}

function useMock() {
  let mock: Mock;
  beforeAll(async () => {
    mock = await startMock();
  });
  beforeEach(() => mock.reset());
  afterAll(() => mock.close());
  return { mock: () => mock, env: () => serverEnvironment(mock.url) };
}
