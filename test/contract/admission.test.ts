import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/mock/index.ts';
import { type Api, describeServers } from './describe.ts';
import { eventually, waitForToken } from './eventually.ts';
import type { Answer } from './http.ts';
import { readMetrics, total } from './metrics.ts';
import { expectProblem } from './problem.ts';

const UNHURRIED = { IDLE_TIMEOUT: '20', REQUEST_TIMEOUT: '25' };

describeServers(
  'with two places to run and two to wait',
  {
    layout: 'async',
    command: 'own',
    env: { MAX_CONCURRENCY: '2', MAX_QUEUE: '2', QUEUE_TIMEOUT: '20', ...UNHURRIED },
  },
  (api) => {
    test.each([false, true])(
      'serves four of ten, and tells the rest at once (stream: %s)',
      async (stream) => {
        api.mock.setPace({ timeToFirstToken: 1500 });
        const start = Date.now();
        const took: number[] = [];
        const ask = async (): Promise<Answer> => {
          const answer = await api.generate({ stream });
          if (answer.status !== 200) took.push(Date.now() - start);
          return answer;
        };
        const answers = await Promise.all(Array.from({ length: 10 }, ask));
        const refused = answers.filter(({ status }) => status !== 200);
        expect(refused).toHaveLength(6);
        for (const answer of refused) expectOverloaded(answer);
        expect(Math.max(...took), 'before anyone was served').toBeLessThan(1400);
        expect(api.mock.counts).toMatchObject({ received: 4, completed: 4 });
        expect(mostAtATime(api)).toBe(2);
        await expectAllFree(api);
      },
    );

    test('in the order in which they came', async () => {
      api.mock.setFault('drip');
      const running = [await api.stream(), await api.stream()];
      for (const answer of running) await waitForToken(answer);
      const first = api.begin({}, { 'X-Request-Id': 'first' });
      await expectQueued(api, 1);
      const second = api.begin({}, { 'X-Request-Id': 'second' });
      await expectQueued(api, 2);
      api.mock.setFault(undefined);
      running[0]?.leave();
      for (const { answer } of [first, second]) expect((await answer).status).toBe(200);
      const ids = api.mock.requests.slice(2).map(({ headers }) => headers['x-request-id']);
      expect(ids).toEqual(['first', 'second']);
      running[1]?.leave();
      await expectAllFree(api);
    });

    test('a stream keeps its place to its end', async () => {
      api.mock.setFault('drip');
      const running = [await api.stream(), await api.stream()];
      for (const answer of running) await waitForToken(answer);
      const waiting = api.begin();
      await expectQueued(api, 1);
      expect(api.mock.counts.received).toBe(2);
      api.mock.setFault(undefined);
      for (const answer of running) answer.leave();
      expect((await waiting.answer).status).toBe(200);
      await expectAllFree(api);
    });

    test('forgets a crowd that has left', async () => {
      api.mock.setFault('drip');
      for (let round = 0; round < 5; round++) {
        const crowd = Array.from({ length: 20 }, (_, index) =>
          api.begin({ stream: index % 2 === 0 }),
        );
        await eventually(() => expect(api.mock.counts.open).toBe(2));
        for (const call of crowd) call.leave();
        await expectAllFree(api);
      }
      api.mock.reset();
      api.mock.setPace({ timeToFirstToken: 500 });
      const answers = await Promise.all([1, 2, 3, 4].map(() => api.generate()));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(mostAtATime(api)).toBe(2);
    });

    test('a request that is wrong is told so however full it is', async () => {
      api.mock.setFault('hang');
      const calls = [api.begin(), api.begin(), api.begin(), api.begin()];
      await expectQueued(api, 2);
      expectProblem(await api.generate({ prompt: ' ' }), 'invalid-request');
      expectOverloaded(await api.generate());
      expect((await api.send({ path: '/healthz' })).status).toBe(200);
      for (const call of calls) call.leave();
      await expectAllFree(api);
    });
  },
);

describeServers(
  'with one place',
  {
    layout: 'async',
    command: 'own',
    env: { MAX_CONCURRENCY: '1', MAX_QUEUE: '1', QUEUE_TIMEOUT: '1', MAX_RETRIES: '0' },
  },
  (api) => {
    describe('gets it back', () => {
      test.each<Fault>([
        'unauthorized',
        'rate-limited',
        'server-error',
        'reset-before',
        'not-json',
        'reset-after',
        'truncate',
        'error-event',
        'stall',
      ])('after %s', async (fault) => {
        for (const stream of [false, true]) {
          api.mock.setFault(fault);
          await api.generate({ stream });
          api.mock.setFault(undefined);
          expect((await api.generate()).status).toBe(200);
        }
      });
    });

    test.each([false, true])(
      'lets nobody wait longer than QUEUE_TIMEOUT (stream: %s)',
      async (stream) => {
        api.mock.setFault('drip');
        const running = await api.stream();
        await waitForToken(running);
        const start = Date.now();
        const answer = await api.generate({ stream });
        expectOverloaded(answer);
        expect(Date.now() - start).toBeGreaterThan(900);
        expect(Date.now() - start).toBeLessThan(2500);
        expect(api.mock.counts.received, 'nothing was asked for it').toBe(1);
        const shed = { reason: 'queue-timeout' };
        expect(total(await readMetrics(api.url), 'llm_api_shed_total', shed)).toBe(stream ? 2 : 1);
        running.leave();
        await expectAllFree(api);
      },
    );
  },
);

function expectOverloaded(answer: Answer): void {
  expectProblem(answer, 'overloaded');
  expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
}

/** How many requests the mock had at the same moment. */
function mostAtATime(api: Api): number {
  const now = Date.now();
  const spans = api.mock.requests.map(({ startedAt, endedAt = now }) => ({ startedAt, endedAt }));
  const running = spans.map(
    ({ startedAt: moment }) =>
      spans.filter(({ startedAt, endedAt }) => startedAt <= moment && moment < endedAt).length,
  );
  return Math.max(...running);
}

async function expectQueued(api: Api, count: number): Promise<void> {
  await eventually(async () =>
    expect(total(await readMetrics(api.url), 'llm_api_queued')).toBe(count),
  );
}

async function expectAllFree(api: Api): Promise<void> {
  await expectQueued(api, 0);
  await eventually(async () =>
    expect(total(await readMetrics(api.url), 'llm_api_in_flight')).toBe(0),
  );
}
