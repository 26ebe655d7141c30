import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Recorder } from '../../src/mock/record.ts';
import { waitFor } from '../harness/wait.ts';
import { ask, chat, useMock } from './ask.ts';

test('records what it was asked, without keys', async () => {
  const mock = await useMock();
  const before = Date.now();
  const headers = { Authorization: 'Bearer sk-secret', 'X-Trace': 'abc' };
  await ask(mock, '/chat/completions?x=1', chat(), { headers });
  const [request] = mock.requests;
  expect(request).toMatchObject({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { authorization: '(hidden)', 'x-trace': 'abc' },
    body: chat(),
    fault: undefined,
    outcome: 'completed',
  });
  expect(request?.startedAt).toBeGreaterThanOrEqual(before);
  expect(request?.endedAt).toBeGreaterThanOrEqual(request?.startedAt ?? Number.NaN);
  expect(JSON.stringify(mock.requests)).not.toContain('sk-secret');
});

test.each([
  ['waits for its first token', { timeToFirstToken: 60_000 }, {}],
  ['is being told it', { tokensPerSecond: 1 }, { stream: true }],
  ['has met silence', { fault: 'stall' }, { stream: true }],
  ['has met nothing at all', { fault: 'hang' }, {}],
  ['is being dripped on', { fault: 'drip' }, {}],
] as const)('a caller who leaves while it %s has left', async (_, options, body) => {
  const mock = await useMock(options);
  const caller = new AbortController();
  const asked = ask(mock, '/chat/completions', chat(body), { signal: caller.signal });
  asked.catch(() => {});
  await waitFor(() => mock.requests[0]?.body !== undefined);
  expect(mock.counts).toMatchObject({ received: 1, open: 1 });
  const left = Date.now();
  caller.abort();
  await waitFor(() => mock.counts.open === 0);
  expect(mock.counts).toEqual({ received: 1, open: 0, completed: 0, clientLeft: 1, faulted: 0 });
  expect(mock.requests[0]).toMatchObject({ outcome: 'client-left' });
  expect(mock.requests[0]?.endedAt).toBeGreaterThanOrEqual(left);
});

test('a caller who leaves in the middle of its own question has left', async () => {
  const mock = await useMock();
  const socket = connect(mock.port, '127.0.0.1');
  socket.write('POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{');
  await waitFor(() => mock.counts.open === 1);
  socket.destroy();
  await waitFor(() => mock.counts.clientLeft === 1);
  expect(mock.requests[0]?.body).toBeUndefined();
});

test('reset forgets, those still open too', async () => {
  const mock = await useMock({ fault: 'hang' });
  const caller = new AbortController();
  ask(mock, '/models', undefined, { signal: caller.signal }).catch(() => {});
  await waitFor(() => mock.counts.open === 1);
  mock.reset();
  caller.abort();
  expect(mock.requests).toEqual([]);
  expect(mock.counts).toEqual({ received: 0, open: 0, completed: 0, clientLeft: 0, faulted: 0 });
});

test('keeps the last 1,000 and counts them all', () => {
  const recorder = new Recorder();
  for (let index = 0; index < 2500; index++) {
    const record = recorder.open('GET', `/${index}`, {});
    if (index % 2) recorder.close(record, 'completed');
  }
  expect(recorder.requests.map(({ path }) => path)).toEqual(
    Array.from({ length: 1000 }, (_, index) => `/${1500 + index}`),
  );
  expect(recorder.counts).toMatchObject({ received: 2500, open: 1250, completed: 1250 });
});

test('keeps no more than 32 MiB of bodies', () => {
  const recorder = new Recorder();
  const MiB = 1024 * 1024;
  for (let index = 0; index < 10; index++) {
    recorder.keepBody(recorder.open('POST', `/${index}`, {}), index, 10 * MiB);
  }
  expect(recorder.requests.map(({ body }) => body)).toEqual([7, 8, 9]);
});

test('a request that was dropped before its body came weighs nothing', () => {
  const recorder = new Recorder();
  const first = recorder.open('POST', '/first', {});
  for (let index = 0; index < 1000; index++) recorder.open('POST', '/', {});
  recorder.keepBody(first, 'late', 2 ** 40);
  expect(recorder.requests).toHaveLength(1000);
});

test('the first word about an end counts', () => {
  const recorder = new Recorder();
  const record = recorder.open('GET', '/', {});
  recorder.close(record, 'faulted');
  recorder.close(record, 'client-left');
  expect(recorder.counts).toMatchObject({ faulted: 1, clientLeft: 0, open: 0 });
});
