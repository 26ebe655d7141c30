import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { bearer, CALLER_KEYS, findLeaks } from '../contract/environment.ts';
import { generate, send } from '../contract/http.ts';
import type { OwnServer } from '../contract/own.ts';
import { stopProgram } from '../contract/program.ts';
import { type ReverseProxy, startProxy } from './nginx.ts';
import { readPodEnvironment, startPod } from './pods.ts';
import { HAS_REDIS, type Redis, startRedis } from './redis.ts';

const PODS = 3;
const LIMIT = 100;
const CALLERS = 30;
const REQUESTS = 300;
const [ALICE, BOB] = CALLER_KEYS;

describeProjects('replicas that share a Redis', HAS_REDIS, ({ stack, directory }) => {
  let mock: Mock;
  let redis: Redis;
  let environment: Readonly<Record<string, string>>;
  let pods: OwnServer[] = [];
  let proxy: ReverseProxy;

  beforeAll(async () => {
    mock = await startMock();
    redis = await startRedis();
    environment = {
      ...(await readPodEnvironment(directory, mock.url)),
      REDIS_URL: redis.url,
      RATE_LIMIT: `${LIMIT}/hour`,
    };
    const starting = Array.from({ length: PODS }, () => startPod(directory, environment));
    pods = await Promise.all(starting);
    proxy = await startProxy(pods.map(({ url }) => url));
  });
  afterAll(async () => {
    await proxy.stop();
    for (const { program } of pods) {
      await stopProgram(program);
      expect(findLeaks(program.output())).toEqual([]);
    }
    await redis.close();
    await mock.close();
  });

  const ask = async (key: string): Promise<number> =>
    (await send(proxy.url, generate({}, bearer(key)))).status;

  test('let through what the limit is, not one more or less, whoever is asked', async () => {
    const statuses: number[] = [];
    const askOnAndOn = async (): Promise<void> => {
      for (let asked = 0; asked < REQUESTS / CALLERS; asked++) statuses.push(await ask(ALICE));
    };
    await Promise.all(Array.from({ length: CALLERS }, askOnAndOn));
    const passed = statuses.filter((status) => status === 200).length;
    const refused = statuses.filter((status) => status === 429).length;
    const figures = `${REQUESTS} requests, ${passed} passed, ${refused} refused`;
    process.stderr.write(`addons: ${stack}: ${PODS} replicas, a limit of ${LIMIT}: ${figures}\n`);
    expect([passed, refused]).toEqual([LIMIT, REQUESTS - LIMIT]);
    expect(mock.counts.received).toBe(LIMIT);
  });

  test('count each key by itself', async () => {
    expect(await ask(BOB)).toBe(200);
  });

  test('tell it to a new one', async () => {
    const next = await startPod(directory, environment);
    pods.push(next);
    const { status } = await send(next.url, generate({}, bearer(ALICE)));
    expect(status).toBe(429);
  });
});
