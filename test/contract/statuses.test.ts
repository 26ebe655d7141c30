import { beforeAll, describe, expect, test } from 'vitest';
import { FAULTS, type Fault } from '../../src/mock/faults.ts';
import { type Api, describeServers } from './describe.ts';
import { MODEL, RETRIES } from './environment.ts';
import { eventually } from './eventually.ts';
import { parseEvents } from './http.ts';
import { findLines } from './lines.ts';
import { checkProblem, expectProblem, type Problem, type Slug } from './problem.ts';
import { talk } from './socket.ts';

interface Row {
  readonly slug: Slug;
  /** What a stream that has begun says instead; undefined where it has not begun. */
  readonly later?: Slug;
  /** How often the upstream is asked, where the contract says. */
  readonly tries?: number;
}

/** Every fault there is: the compiler misses the row of a new one. */
const ROWS: Readonly<Record<Fault, Row>> = {
  'bad-request': { slug: 'upstream-misconfigured', tries: 1 },
  unauthorized: { slug: 'upstream-misconfigured', tries: 1 },
  'not-found': { slug: 'upstream-misconfigured', tries: 1 },
  // Its Retry-After is beyond the deadline.
  'rate-limited': { slug: 'upstream-rate-limited', tries: 1 },
  'server-error': { slug: 'upstream-failed', tries: 1 + RETRIES },
  unavailable: { slug: 'upstream-failed', tries: 1 + RETRIES },
  'reset-before': { slug: 'upstream-failed', tries: 1 + RETRIES },
  'not-json': { slug: 'upstream-failed' },
  'slow-first-token': { slug: 'upstream-timeout' },
  hang: { slug: 'upstream-timeout' },
  stall: { slug: 'upstream-timeout', later: 'upstream-timeout' },
  drip: { slug: 'upstream-timeout', later: 'upstream-timeout' },
  'reset-after': { slug: 'upstream-failed', later: 'upstream-failed' },
  truncate: { slug: 'upstream-failed', later: 'upstream-truncated' },
  'error-event': { slug: 'upstream-failed', later: 'upstream-failed' },
};
const TABLE = FAULTS.map(({ name }) => ({ fault: name, ...ROWS[name] }));
const isSlow = ({ slug }: Row) => slug === 'upstream-timeout';
const MODELS = [MODEL, ...FAULTS.map(({ name }) => `mock-${name}`)].join(',');

type Manner = 'plain' | 'stream' | 'socket';

// What is not about time has enough of it on the busiest machine.
describeFaults(
  'every fault of the upstream',
  { IDLE_TIMEOUT: '25', REQUEST_TIMEOUT: '30' },
  TABLE.filter((row) => !isSlow(row)),
);
describeFaults(
  'every slowness of the upstream',
  { IDLE_TIMEOUT: '3', REQUEST_TIMEOUT: '5' },
  TABLE.filter(isSlow),
);

function describeFaults(
  title: string,
  limits: Readonly<Record<string, string>>,
  table: typeof TABLE,
): void {
  const env = { ...limits, ALLOWED_MODELS: MODELS };
  describeServers(title, { layout: 'async', command: 'own', output: true, env }, (api) => {
    const answers = new Map<string, { status: number; headers: object; text: string }>();
    const tries = new Map<string, number>();
    const said = new Map<string, readonly object[]>();

    // All at once: each model has a fault of its own, and the slow ones pass the time together.
    beforeAll(async () => {
      const calls = table.flatMap(({ fault }) => [
        ask(fault, 'plain'),
        ask(fault, 'stream'),
        ask(fault, 'socket'),
      ]);
      await Promise.all(calls);
      for (const { headers } of api.mock.requests) {
        const id = String(headers['x-request-id']);
        tries.set(id, (tries.get(id) ?? 0) + 1);
      }
    });

    async function ask(fault: Fault, manner: Manner): Promise<void> {
      const model = `mock-${fault}`;
      const id = `${manner}-${fault}`;
      if (manner === 'socket') {
        const socket = await talk(api.url);
        socket.ask({ model });
        said.set(id, await socket.ends(1, 30));
        socket.close();
        return;
      }
      const fields = { model, stream: manner === 'stream' };
      answers.set(id, await api.generate(fields, { 'X-Request-Id': id }));
    }

    describe('plain', () => {
      test.each(table)('$fault: $slug', ({ fault, slug }) => {
        expectProblem(answers.get(`plain-${fault}`) as never, slug);
      });
    });

    describe('as a stream that has not begun', () => {
      test.each(table.filter(({ later }) => !later))('$fault: $slug', ({ fault, slug }) => {
        expectProblem(answers.get(`stream-${fault}`) as never, slug);
      });
    });

    describe('as a stream that has begun', () => {
      test.each(table.filter(({ later }) => later))('$fault: $later', ({ fault, later }) => {
        const { status, text } = answers.get(`stream-${fault}`) ?? { status: 0, text: '' };
        expect(status).toBe(200);
        const events = parseEvents(text).map((event) => JSON.parse(event));
        const { error } = events.pop() as { error: Problem };
        checkProblem(error, later as Slug);
        expect(events.length).toBeGreaterThan(0);
        for (const event of events) expect(event).toEqual({ text: expect.any(String) });
        expect(tries.get(`stream-${fault}`), 'what has begun is not begun again').toBe(1);
      });
    });

    describe('over a WebSocket', () => {
      test.each(table)('$fault', ({ fault, slug, later }) => {
        const messages = [...(said.get(`socket-${fault}`) ?? [])];
        const { error } = messages.pop() as { error: Problem };
        checkProblem(error, later ?? slug);
        for (const message of messages) expect(message).toEqual({ text: expect.any(String) });
        expect(messages.length > 0, 'what came before').toBe(later !== undefined);
      });
    });

    test.each(table.filter((row) => row.tries))('$fault: asks $tries times', (row) => {
      expect(tries.get(`plain-${row.fault}`)).toBe(row.tries);
      if (!row.later) expect(tries.get(`stream-${row.fault}`)).toBe(row.tries);
    });

    test.each(table)('$fault: its name in the one line', async ({ fault, slug, later }) => {
      await expectOneLine(api, `plain-${fault}`, slug);
      await expectOneLine(api, `stream-${fault}`, later ?? slug);
    });
  });
}

async function expectOneLine(api: Api, id: string, outcome: Slug): Promise<void> {
  const find = () => findLines(api.output(), { request_id: id });
  await eventually(() => expect(find()).toHaveLength(1));
  expect(find()[0]).toMatchObject({ outcome, route: '/generate', method: 'POST' });
}

describeServers(
  'asks the upstream again',
  {
    layout: 'async',
    command: 'own',
    env: { MAX_RETRIES: '2', IDLE_TIMEOUT: '8', REQUEST_TIMEOUT: '8' },
    retryAfter: 1,
  },
  (api) => {
    test.each([false, true])('when a short Retry-After has passed (stream: %s)', async (stream) => {
      api.mock.setFault('rate-limited');
      const answer = api.generate({ stream });
      await eventually(() => expect(api.mock.counts.faulted).toBe(1));
      api.mock.setFault(undefined);
      expect((await answer).status).toBe(200);
      const [first = 0, second = 0] = api.mock.requests.map(({ startedAt }) => startedAt);
      expect(second - first).toBeGreaterThan(950);
      expect(second - first).toBeLessThan(4000);
      expect(api.mock.counts.received).toBe(2);
    });

    test('not all callers at the same moment', async () => {
      api.mock.setFault('server-error');
      const ids = Array.from({ length: 10 }, (_, index) => `jitter-${index}`);
      await Promise.all(ids.map((id) => api.generate({}, { 'X-Request-Id': id })));
      expect(api.mock.counts.received).toBe(ids.length * 3);
      const pauses = ids.map((id) => {
        const tries = api.mock.requests.filter(({ headers }) => headers['x-request-id'] === id);
        const [first = 0, second = 0] = tries.map(({ startedAt }) => startedAt);
        return second - first;
      });
      // A tenth of the pause: far more than what timers add when they mean the same moment.
      expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan(Math.min(...pauses) / 10);
    });
  },
);

describeServers(
  'does not ask the upstream again',
  {
    layout: 'async',
    command: 'own',
    env: { MAX_RETRIES: '50', IDLE_TIMEOUT: '1.5', REQUEST_TIMEOUT: '1.5' },
  },
  (api) => {
    test.each([false, true])('once the deadline has passed (stream: %s)', async (stream) => {
      api.mock.setFault('unavailable');
      const start = Date.now();
      const answer = await api.generate({ stream });
      expect(Date.now() - start).toBeLessThan(2500);
      expectProblem(answer, answer.status === 502 ? 'upstream-failed' : 'upstream-timeout');
      expect(api.mock.counts.received).toBeGreaterThan(1);
      const last = api.mock.requests.at(-1)?.startedAt ?? 0;
      expect(last - start).toBeLessThan(1800);
      await eventually(() => expect(api.mock.counts.open).toBe(0));
    });
  },
);
