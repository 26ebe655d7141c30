import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/mock/index.ts';
import { describeServers } from './describe.ts';
import { RETRIES, RETRY_AFTER, TIMEOUTS } from './environment.ts';
import { eventually } from './eventually.ts';
import { expectProblem, type Slug } from './problem.ts';

interface Row {
  readonly fault: Fault;
  readonly slug: Slug;
  /** What a stream is answered; undefined where it has begun before the fault shows. */
  readonly streamed?: Slug;
}

/** Ours to mend, so that asking again is no use. */
const MISCONFIGURED: readonly Row[] = [
  { fault: 'bad-request', slug: 'upstream-misconfigured', streamed: 'upstream-misconfigured' },
  { fault: 'unauthorized', slug: 'upstream-misconfigured', streamed: 'upstream-misconfigured' },
  { fault: 'not-found', slug: 'upstream-misconfigured', streamed: 'upstream-misconfigured' },
];

const FAILED: readonly Row[] = [
  { fault: 'server-error', slug: 'upstream-failed', streamed: 'upstream-failed' },
  { fault: 'unavailable', slug: 'upstream-failed', streamed: 'upstream-failed' },
  { fault: 'reset-before', slug: 'upstream-failed', streamed: 'upstream-failed' },
  { fault: 'not-json', slug: 'upstream-failed', streamed: 'upstream-failed' },
  { fault: 'reset-after', slug: 'upstream-failed' },
  { fault: 'truncate', slug: 'upstream-failed' },
  { fault: 'error-event', slug: 'upstream-failed' },
];

const LIMITED: Row = {
  fault: 'rate-limited',
  slug: 'upstream-rate-limited',
  streamed: 'upstream-rate-limited',
};

const ROWS: readonly Row[] = [...MISCONFIGURED, ...FAILED, LIMITED];

describeServers('when the upstream fails', {}, (api) => {
  test.each(ROWS)('$fault: $slug', async ({ fault, slug }) => {
    api.mock.setFault(fault);
    expectProblem(await api.generate(), slug);
  });

  test.each(MISCONFIGURED)('$fault: asks once', async ({ fault }) => {
    api.mock.setFault(fault);
    await api.generate();
    expect(api.mock.counts.received).toBe(1);
  });

  test('passes its Retry-After on, and does not sit it out', async () => {
    api.mock.setFault('rate-limited');
    const start = Date.now();
    const answer = await api.generate();
    expect(Date.now() - start).toBeLessThan(1000 * TIMEOUTS.request);
    expect(answer.headers['retry-after']).toBe(String(RETRY_AFTER));
  });

  test('still answers afterwards', async () => {
    expect((await api.generate()).status).toBe(200);
  });

  // Last: there is no upstream after it.
  test('refused: upstream-failed', async () => {
    await api.mock.close();
    expectProblem(await api.generate(), 'upstream-failed');
  });
});

describeServers('when the upstream fails a stream', { layout: 'async' }, (api) => {
  describe('before its first event, answers a real status', () => {
    const rows = ROWS.filter((row) => row.streamed);
    test.each(rows)('$fault: $streamed', async ({ fault, streamed }) => {
      api.mock.setFault(fault);
      const answer = await api.generate({ stream: true });
      expectProblem(answer, streamed as Slug);
      if (fault === 'rate-limited') {
        expect(answer.headers['retry-after']).toBe(String(RETRY_AFTER));
      }
    });
  });

  test('keeps the caller’s X-Request-Id', async () => {
    api.mock.setFault('unauthorized');
    const answer = await api.generate({ stream: true }, { 'X-Request-Id': 'caller-2' });
    expect(expectProblem(answer, 'upstream-misconfigured').request_id).toBe('caller-2');
  });
});

describeServers('asks again', { layout: 'async' }, (api) => {
  test.each([false, true])('MAX_RETRIES times (stream: %s)', async (stream) => {
    api.mock.setFault('server-error');
    expectProblem(await api.generate({ stream }), 'upstream-failed');
    expect(api.mock.counts.received).toBe(1 + RETRIES);
  });

  test.each([false, true])('and hides a failure that passes (stream: %s)', async (stream) => {
    api.mock.setFault('server-error');
    const answer = api.generate({ stream });
    // The pause before the second try is far longer than the poll takes to see the first.
    await eventually(() => expect(api.mock.counts.faulted).toBe(1));
    api.mock.setFault(undefined);
    expect((await answer).status).toBe(200);
    expect(api.mock.counts.received).toBe(2);
  });
});
