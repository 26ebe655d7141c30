import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { bearer, findLeaks, serverEnvironment } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { type Answer, generate, send } from '../contract/http.ts';
import { readMetrics, total } from '../contract/metrics.ts';
import { type OwnServer, startOwnServer } from '../contract/own.ts';
import { expectProblem } from '../contract/problem.ts';
import { stopProgram } from '../contract/program.ts';
import type { Project } from '../contract/projects.ts';
import { type Outcomes, startLoad } from './load.ts';
import { HAS_REDIS, type Redis, startRedis } from './redis.ts';

const MINUTES = 60_000;
const PROCESSES = 3;
const QUOTA = 300;
const ASKED = 360;
/** Each asks so seldom that it stays below its quota for as long as any of these tests takes. */
const LOADERS = ['loader-1', 'loader-2', 'loader-3', 'loader-4', 'loader-5', 'loader-6'];
const PER_SECOND = 8;
const [ALICE, BOB, CAROL, DAVE] = ['alice-key', 'bob-key', 'carol-key', 'dave-key'] as const;
const AWAY = 'Redis does not answer at 127.0.0.1:';
const BACK = 'Redis answers again';

describeProjects('one limit for three processes', HAS_REDIS, (project) => {
  const set = useServers(project, {});

  test('lets through as many as it says, wherever they ask', async () => {
    const answers = await askEverywhere(set.servers, ALICE);
    expect(rests(answers)).toEqual(Array.from({ length: QUOTA }, (_, rest) => rest));
    const refused = answers.find(({ status }) => status === 429) as Answer;
    expectProblem(refused, 'rate-limited');
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(refused.headers.ratelimit).toMatch(/^"default";r=0;t=\d+$/);
  });

  test('counts each caller alone', async () => {
    const [server] = set.servers as [OwnServer];
    const { headers } = await send(server.url, generate({}, bearer(BOB)));
    expect(headers.ratelimit).toBe(`"default";r=${QUOTA - 1};t=60`);
    expect(headers['ratelimit-policy']).toBe(`"default";q=${QUOTA};w=60`);
  });
});

describeProjects('Redis goes away under load, REDIS_FAIL=open', HAS_REDIS, (project) => {
  const set = useServers(project, { REDIS_FAIL: 'open' });

  test('and no request fails', { timeout: 2 * MINUTES }, async () => {
    const { requests, failures } = await loadThroughOutage(set);
    say(project, 'open', `${requests} requests, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(rests(await askEverywhere(set.servers, ALICE)), 'limits afterwards').toHaveLength(QUOTA);
    for (const { program } of set.servers) {
      expect(countLines(program.output(), AWAY)).toBe(1);
      expect(countLines(program.output(), BACK)).toBe(1);
    }
  });

  test('each process counts for itself meanwhile', async () => {
    await set.redis.kill();
    const [server] = set.servers as [OwnServer];
    expect(rests(await askEverywhere([server], BOB))).toHaveLength(QUOTA);
    await set.redis.start();
  });

  test('and nobody waits for one that says nothing', async () => {
    await eventuallyBack(set.servers);
    const before = set.servers.map(({ program }) => countLines(program.output(), AWAY));
    set.redis.freeze();
    const answers = await Promise.all(
      set.servers.map(({ url }) => send(url, generate({}, bearer(CAROL)))),
    );
    expect(answers.map(({ status }) => status)).toEqual(set.servers.map(() => 200));
    await eventually(() =>
      expect(set.servers.map(({ program }) => countLines(program.output(), AWAY))).toEqual(
        before.map((count) => count + 1),
      ),
    );
    set.redis.thaw();
    await eventuallyBack(set.servers);
  });
});

describeProjects('Redis goes away under load, REDIS_FAIL=closed', HAS_REDIS, (project) => {
  const set = useServers(project, { REDIS_FAIL: 'closed' });

  test('and requests fail only meanwhile', { timeout: 2 * MINUTES }, async () => {
    const { requests, failures } = await loadThroughOutage(set);
    say(project, 'closed', `${requests} requests, ${failures.length} failed`);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter((failure) => !/^503 .*problems\/overloaded/.test(failure))).toEqual([]);
    const shed = await Promise.all(
      set.servers.map(async ({ url }) =>
        total(await readMetrics(url), 'llm_api_shed_total', { reason: 'redis' }),
      ),
    );
    expect(shed.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(failures.length);
    expect(rests(await askEverywhere(set.servers, ALICE)), 'limits afterwards').toHaveLength(QUOTA);
  });

  test('says when to try again', async () => {
    const [server] = set.servers as [OwnServer];
    await set.redis.kill();
    const answer = await send(server.url, generate({}, bearer(DAVE)));
    expectProblem(answer, 'overloaded');
    expect(answer.headers['retry-after']).toBe('1');
    await set.redis.start();
  });
});

describeProjects('a server starts without Redis', HAS_REDIS, ({ directory }) => {
  test.each([
    ['open', 200],
    ['closed', 503],
  ])('REDIS_FAIL=%s', async (mode, status) => {
    const [mock, redis] = await Promise.all([startMock(), startRedis()]);
    await redis.kill();
    const server = await startOwnServer(directory, {
      ...serverEnvironment(mock.url),
      RATE_LIMIT: '100/minute',
      REDIS_URL: redis.url,
      REDIS_FAIL: mode,
    });
    expect((await send(server.url, generate())).status).toBe(status);
    await redis.start();
    await eventually(async () => {
      expect((await send(server.url, generate())).status).toBe(200);
      expect(countLines(server.program.output(), BACK)).toBe(1);
    });
    await stopProgram(server.program);
    await Promise.all([mock.close(), redis.close()]);
  });
});

describeProjects('a Redis that wants another password', HAS_REDIS, ({ directory }) => {
  test('is as good as none, and no password is told', async () => {
    const [mock, redis] = await Promise.all([startMock(), startRedis('right-word')]);
    const env = {
      ...serverEnvironment(mock.url),
      RATE_LIMIT: '100/minute',
      REDIS_URL: redis.url.replace('right-word', 'wrong-word'),
    };
    const server = await startOwnServer(directory, env);
    expect((await send(server.url, generate())).status).toBe(200);
    await eventually(() => expect(countLines(server.program.output(), AWAY)).toBe(1));
    await stopProgram(server.program);
    expect(server.program.output()).not.toContain('wrong-word');
    await Promise.all([mock.close(), redis.close()]);
  });
});

interface Set {
  readonly redis: Redis;
  readonly servers: readonly OwnServer[];
}

/** A Redis, an upstream, and three processes of the server, for the tests of a block. */
function useServers({ directory }: Project, env: Readonly<Record<string, string>>): Set {
  let mock: Mock;
  let redis: Redis;
  const servers: OwnServer[] = [];
  beforeAll(async () => {
    [mock, redis] = await Promise.all([startMock(), startRedis()]);
    const settings = {
      ...serverEnvironment(mock.url),
      LOG_LEVEL: 'info',
      RATE_LIMIT: `${QUOTA}/minute`,
      API_KEYS: [ALICE, BOB, CAROL, DAVE, ...LOADERS].join(','),
      MAX_QUEUE: '1000',
      QUEUE_TIMEOUT: '30',
      IDLE_TIMEOUT: '30',
      REQUEST_TIMEOUT: '30',
      REDIS_URL: redis.url,
      ...env,
    };
    for (let count = 0; count < PROCESSES; count++) {
      servers.push(await startOwnServer(directory, settings));
    }
  });
  afterAll(async () => {
    for (const { program } of servers) {
      await stopProgram(program);
      expect(findLeaks(program.output())).toEqual([]);
    }
    await Promise.all([mock.close(), redis.close()]);
  });
  return {
    servers,
    get redis() {
      return redis;
    },
  };
}

/** At the same time, and more often than the caller may. */
function askEverywhere(servers: readonly OwnServer[], key: string): Promise<readonly Answer[]> {
  return Promise.all(
    Array.from({ length: ASKED }, (_, index) => {
      const { url } = servers[index % servers.length] as OwnServer;
      return send(url, generate({}, bearer(key)));
    }),
  );
}

/** What each answer that was let through says is left, in order. */
function rests(answers: readonly Answer[]): readonly number[] {
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses].filter((status) => status !== 200 && status !== 429)).toEqual([]);
  return answers
    .filter(({ status }) => status === 200)
    .map(({ headers }) => Number(/;r=(\d+);/.exec(String(headers.ratelimit))?.[1]))
    .sort((a, b) => a - b);
}

async function loadThroughOutage({ redis, servers }: Set): Promise<Outcomes> {
  const loads = LOADERS.map((key, index) => {
    const { url } = servers[index % servers.length] as OwnServer;
    return startLoad(url, PER_SECOND, bearer(key));
  });
  const served = async (more: number): Promise<void> => {
    const count = () =>
      Promise.all(
        servers.map(async ({ url }) =>
          total(await readMetrics(url), 'llm_api_requests_total', { route: '/generate' }),
        ),
      );
    const before = await count();
    await eventually(async () => {
      const now = await count();
      expect(now.every((each, index) => each >= (before[index] ?? 0) + more)).toBe(true);
    }, 20);
  };
  await served(2 * PER_SECOND);
  await redis.kill();
  await served(4 * PER_SECOND);
  await redis.start();
  await eventuallyBack(servers);
  await served(2 * PER_SECOND);
  const outcomes = await Promise.all(loads.map((load) => load.stop()));
  return {
    requests: outcomes.reduce((sum, { requests }) => sum + requests, 0),
    failures: outcomes.flatMap(({ failures }) => failures),
  };
}

/** A server notices when somebody asks. */
async function eventuallyBack(servers: readonly OwnServer[]): Promise<void> {
  await Promise.all(
    servers.map(({ url, program }) =>
      eventually(async () => {
        const { headers } = await send(url, generate({}, bearer(DAVE)));
        // Lines come in order, but may take a moment.
        const id = String(headers['x-request-id']);
        await eventually(() => expect(program.output()).toContain(id));
        const output = program.output();
        expect(countLines(output, BACK)).toBe(countLines(output, AWAY));
      }, 10),
    ),
  );
}

function countLines(output: string, words: string): number {
  return output.split('\n').filter((line) => line.includes(words)).length;
}

function say({ stack }: Project, mode: string, figures: string): void {
  process.stderr.write(`addons: ${stack}: Redis went away (${mode}): ${figures}\n`);
}
