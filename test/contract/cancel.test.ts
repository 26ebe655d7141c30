import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/mock/index.ts';
import { type Api, describeServers } from './describe.ts';
import { PROMPT } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { findLines } from './lines.ts';
import { readMetrics, total } from './metrics.ts';
import { talk } from './socket.ts';

/** The contract says 250; the rest is for machines that do other things as well. */
const SOON_MS = 1000;

interface Phase {
  readonly phase: string;
  readonly fault: Fault;
  /** There is a token to wait for before one leaves. */
  readonly begun?: true;
}

const BEFORE: readonly Phase[] = [
  { phase: 'before the upstream answers', fault: 'hang' },
  { phase: 'before the first token', fault: 'slow-first-token' },
];
const MIDST: readonly Phase[] = [
  { phase: 'between tokens', fault: 'drip', begun: true },
  { phase: 'while the upstream is silent', fault: 'stall', begun: true },
];
const PLAIN: readonly Phase[] = [...BEFORE, ...MIDST].map(({ phase, fault }) => ({ phase, fault }));

/** One place of each kind: whatever keeps one is found out by the next request. */
const ONE_PLACE = {
  MAX_CONCURRENCY: '1',
  MAX_QUEUE: '1',
  QUEUE_TIMEOUT: '20',
  IDLE_TIMEOUT: '20',
  REQUEST_TIMEOUT: '25',
};

describeServers(
  'ends the upstream call of a client that leaves',
  { layout: 'async', command: 'own', output: true, env: ONE_PLACE, retryAfter: 5 },
  (api) => {
    describe('a plain call', () => {
      test.each(PLAIN)('$phase ($fault)', async ({ phase, fault }) => {
        api.mock.setFault(fault);
        const id = `plain-${fault}`;
        const call = api.begin({}, { 'X-Request-Id': id });
        await eventually(() => expect(api.mock.counts.open, phase).toBe(1));
        call.leave();
        await expectTheEnd(api);
        await expectOneLine(api, { request_id: id, route: '/generate' });
      });
    });

    describe('a stream', () => {
      test.each([...BEFORE, ...MIDST])('$phase ($fault)', async ({ fault, begun }) => {
        api.mock.setFault(fault);
        const id = `stream-${fault}`;
        const call = api.begin({ stream: true }, { 'X-Request-Id': id });
        await eventually(() => expect(api.mock.counts.open).toBe(1));
        if (begun) await waitForToken(await call.answer);
        call.leave();
        await expectTheEnd(api);
        await expectOneLine(api, { request_id: id, route: '/generate' });
      });
    });

    describe('a WebSocket', () => {
      test.each(
        [...BEFORE, ...MIDST].flatMap((row) => [
          { ...row, how: 'close' as const },
          { ...row, how: 'leave' as const },
        ]),
      )('$phase ($fault), by a $how', async ({ fault, begun, how }) => {
        const before = findLines(api.output(), AT_SOCKET).length;
        api.mock.setFault(fault);
        const socket = await talk(api.url);
        socket.ask();
        await eventually(() => expect(api.mock.counts.open).toBe(1));
        if (begun) await eventually(() => expect(socket.said.length).toBeGreaterThan(0));
        socket[how]();
        await expectTheEnd(api);
        await eventually(() => expect(findLines(api.output(), AT_SOCKET)).toHaveLength(before + 1));
      });
    });

    test.each([false, true])('between two tries (stream: %s)', async (stream) => {
      api.mock.setFault('rate-limited');
      const id = `between-${stream}`;
      const call = api.begin({ stream }, { 'X-Request-Id': id });
      await eventually(() => expect(api.mock.counts.faulted).toBe(1));
      call.leave();
      await expectOneLine(api, { request_id: id });
      await expectService(api);
      expect(api.mock.counts.received, 'the first try, and the next request').toBe(2);
    });

    test.each(['plain', 'stream', 'socket'] as const)('a place in the queue: %s', async (how) => {
      api.mock.setFault('drip');
      const running = await api.stream();
      await waitForToken(running);
      const leave = await queue(api, how);
      await expectQueued(api, 1);
      leave();
      await expectQueued(api, 0);
      const next = api.begin({}, { 'X-Request-Id': `after-${how}` });
      await expectQueued(api, 1);
      api.mock.setFault(undefined);
      running.leave();
      expect((await next.answer).status).toBe(200);
      expect(api.mock.counts.received, 'who left was never passed on').toBe(2);
      if (how !== 'socket') await expectOneLine(api, { request_id: `queued-${how}` });
    });
  },
);

const AT_SOCKET = { route: '/generate/ws', outcome: 'client_closed', status: 499 };

async function queue(api: Api, how: 'plain' | 'stream' | 'socket'): Promise<() => void> {
  if (how !== 'socket') {
    return api.begin({ stream: how === 'stream' }, { 'X-Request-Id': `queued-${how}` }).leave;
  }
  const socket = await talk(api.url);
  socket.ask({ prompt: PROMPT });
  return socket.leave;
}

async function expectQueued(api: Api, count: number): Promise<void> {
  await eventually(async () =>
    expect(total(await readMetrics(api.url), 'llm_api_queued')).toBe(count),
  );
}

/** The upstream sees its caller leave soon after now, and the next request has the place. */
async function expectTheEnd(api: Api): Promise<void> {
  const leftAt = Date.now();
  await eventually(() => expect(api.mock.counts).toMatchObject({ clientLeft: 1, open: 0 }));
  const { outcome, endedAt = 0 } = api.mock.requests[0] ?? {};
  expect(outcome).toBe('client-left');
  expect(endedAt - leftAt).toBeLessThan(SOON_MS);
  await expectService(api);
}

async function expectService(api: Api): Promise<void> {
  api.mock.setFault(undefined);
  const start = Date.now();
  expect((await api.generate()).status).toBe(200);
  expect(Date.now() - start).toBeLessThan(SOON_MS);
}

async function expectOneLine(api: Api, fields: object): Promise<void> {
  await eventually(() => expect(findLines(api.output(), fields)).toHaveLength(1));
  expect(findLines(api.output(), fields)[0]).toMatchObject({
    outcome: 'client_closed',
    status: 499,
  });
}
