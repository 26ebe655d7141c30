import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { addRedis } from '../src/redis.js';
import { readSettings } from '../src/settings.js';
import { answer, chunk, sendJson, startApp as startBare, streaming } from './support.js';

const startApp = (play: Parameters<typeof startBare>[0], env: Record<string, string>) =>
  startBare(play, env, { addRedis });
const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

async function findFreePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

describe('without Redis', () => {
  const away = { REDIS_URL: 'redis://127.0.0.1:1/0', RATE_LIMIT: '1/hour' };

  test('each process counts for itself, and says so once', async () => {
    const { generate, log } = await startApp(answer, away);

    expect((await generate({ prompt: 'Hi' }, { 'idempotency-key': 'mine' })).statusCode).toBe(200);
    expect((await generate({ prompt: 'Hi' })).statusCode).toBe(429);
    const warnings = log.filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ reason: expect.stringContaining('ECONNREFUSED') }]);
  });

  test('requests are refused where REDIS_FAIL is closed', async () => {
    const { generate, log } = await startApp(answer, { ...away, REDIS_FAIL: 'closed' });

    const response = await generate({ prompt: 'Hi' });

    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.json().type).toBe('/problems/overloaded');
    await vi.waitFor(() =>
      expect(log.at(-1)).toMatchObject({ outcome: 'overloaded', reason: 'redis' }),
    );
  });
});

test('a wrong setting is named, and a password in it is not shown', () => {
  const read = () => readSettings({ REDIS_URL: 'http://:secret@host', REDIS_FAIL: 'ajar' });

  expect(read).toThrow(/REDIS_URL.*\n.*REDIS_FAIL/);
  expect(read).not.toThrow(/secret/);
});

test.each([
  'redis://:secret@host:port',
  'redis://:secret@host/name',
  'redis://:secret@host/0?db=name',
  'redis://:secret%ff@host',
])('%s is not usable', (REDIS_URL) => {
  const read = () => readSettings({ REDIS_URL });

  expect(read).toThrow(/REDIS_URL must be/);
  expect(read).not.toThrow(/secret/);
});

test.each(['', 'ü', 'x'.repeat(256)])('the key %j is not valid', async (key) => {
  const { generate } = await startApp(answer, { REDIS_URL: 'redis://127.0.0.1:1/0' });

  const response = await generate({ prompt: 'Hi' }, { 'idempotency-key': key });

  expect(response.statusCode).toBe(422);
  expect(response.json().errors).toMatchObject([{ field: 'Idempotency-Key' }]);
});

// Debian: apt-get install redis-server. macOS: brew install redis.
describe.skipIf(!hasRedis)('with the redis-server of this machine', () => {
  let env: Record<string, string> = {};
  let stop = () => {};

  beforeAll(async () => {
    const port = await findFreePort();
    const options = `--port ${port} --bind 127.0.0.1 --appendonly no --save`.split(' ');
    const server = spawn('redis-server', [...options, ''], { cwd: tmpdir() });
    stop = () => server.kill();
    for await (const line of createInterface(server.stdout)) {
      if (line.includes('Ready to accept connections')) break;
    }
    env = { REDIS_URL: `redis://127.0.0.1:${port}/0` };
  });
  afterAll(() => stop());

  test('two processes count together', async () => {
    const limited = { ...env, RATE_LIMIT: '2/hour', API_KEYS: 'counted' };
    const [one, other] = [await startApp(answer, limited), await startApp(answer, limited)];
    const bearer = { authorization: 'Bearer counted' };
    const statuses: number[] = [];
    for (const { generate } of [one, other, one, other]) {
      statuses.push((await generate({ prompt: 'Hi' }, bearer)).statusCode);
    }

    expect(statuses).toEqual([200, 200, 429, 429]);
  });

  test.each([
    ['plain', answer, {}],
    ['stream', streaming(chunk('Hello'), chunk('', 'stop')), { stream: true }],
  ])('a key is answered once: %s', async (key, play, more) => {
    const { generate, calls, log } = await startApp(play, env);
    const ask = () => generate({ prompt: 'Hi', ...more }, { 'idempotency-key': key });

    const answers = [...(await Promise.all([ask(), ask(), ask()])), await ask()];

    expect(calls).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    const replayed = answers.map(({ headers }) => headers['idempotent-replayed']);
    expect(replayed.sort()).toEqual(['true', 'true', 'true', undefined]);
    await vi.waitFor(() => expect(log.at(-1)).toMatchObject({ status: 200, output_tokens: null }));
  });

  test('a key that comes with another request is refused', async () => {
    const { generate, calls, log } = await startApp(answer, env);

    await generate({ prompt: 'Hi' }, { 'idempotency-key': 'reused' });
    const response = await generate({ prompt: 'Ho' }, { 'idempotency-key': 'reused' });

    expect(response.statusCode).toBe(422);
    expect(response.json().type).toBe('/problems/idempotency-key-reused');
    await vi.waitFor(() =>
      expect(log.at(-1)).toMatchObject({ status: 422, outcome: 'idempotency-key-reused' }),
    );
    expect(calls).toHaveLength(1);
  });

  test('a failure is not kept', async () => {
    const { generate, calls } = await startApp(
      (response, request) =>
        calls.length > 1 ? answer(response, request) : sendJson(response, {}, 500),
      env,
    );
    const ask = () => generate({ prompt: 'Hi' }, { 'idempotency-key': 'failed' });

    expect((await ask()).statusCode).toBe(502);
    expect((await ask()).statusCode).toBe(200);
  });

  test('what is asked again comes from the cache, and costs nothing', async () => {
    const { generate, calls, log } = await startApp(answer, { ...env, CACHE_TTL: '60' });

    const first = await generate({ prompt: 'Cached' });
    const second = await generate({ prompt: 'Cached' });

    expect(first.headers['cache-status']).toBe('llm-api; fwd=miss');
    expect(second.headers['cache-status']).toBe('llm-api; hit');
    expect(second.json()).toEqual(first.json());
    expect(calls).toHaveLength(1);
    await vi.waitFor(() => expect(log.at(-1)).toMatchObject({ status: 200, input_tokens: null }));
  });
});
