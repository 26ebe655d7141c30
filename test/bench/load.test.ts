import { expect, test } from 'vitest';
import { type LoadOptions, runLoad } from '../../src/bench/load.ts';
import { probeTarget } from '../../src/bench/probe.ts';
import { type Summary, summarize } from '../../src/bench/summary.ts';
import { makeTarget, type TargetOptions } from '../../src/bench/target.ts';
import { findFreePort } from '../harness/free-port.ts';
import { eventStream, HELLO, startAnswerer } from './answerer.ts';

const SHORT = { connections: 2, duration: 0.3, warmup: 0 };

async function measure(
  url: URL,
  options: Partial<TargetOptions> = {},
  load: Partial<LoadOptions> = {},
): Promise<Summary> {
  const target = makeTarget(url, { body: '{}', ...options });
  return summarize(await runLoad(target, { ...SHORT, ...load }), {
    stream: target.stream,
    rate: load.rate,
  });
}

test('asks again and again, over as many connections as it was told', async () => {
  const sockets = new Set<unknown>();
  const url = await startAnswerer((socket) => {
    sockets.add(socket);
    socket.write(HELLO);
  });
  const summary = await measure(url, {}, { connections: 5 });
  expect(sockets.size).toBe(5);
  expect(summary.requests).toBeGreaterThan(20);
  expect(summary).toMatchObject({ failed: 0, errors: [] });
  // Of those that were under way at the end a part counts.
  const besides = summary.requestsPerSecond * SHORT.duration - summary.requests;
  expect(besides).toBeGreaterThan(-0.01);
  expect(besides).toBeLessThanOrEqual(5);
  expect(summary.latency.p50).toBeGreaterThan(0);
  expect(summary.latency.p50).toBeLessThanOrEqual(summary.latency.max);
});

test('sends what it was told to', async () => {
  let seen = '';
  const url = await startAnswerer((socket, request) => {
    seen = request;
    socket.write(HELLO);
  });
  await measure(url, {
    body: '{"prompt":"é"}',
    headers: [['X-Tenant', 'acme']],
    key: 'sk-secret',
    stream: false,
  });
  const [head = '', body] = seen.split('\r\n\r\n');
  expect(head.split('\r\n')).toEqual(
    expect.arrayContaining([
      'POST /generate HTTP/1.1',
      `Host: ${url.host}`,
      'Content-Length: 15',
      'Authorization: Bearer sk-secret',
      'X-Tenant: acme',
    ]),
  );
  expect(body).toBe('{"prompt":"é"}');
});

test('connects again where the server closes after each answer', async () => {
  const url = await startAnswerer((socket) =>
    socket.end(HELLO.replace('OK\r\n', 'OK\r\nConnection: close\r\n')),
  );
  const summary = await measure(url);
  expect(summary.requests).toBeGreaterThan(5);
  expect(summary.failed).toBe(0);
});

test('asks again where a connection was closed for being idle just as a request was sent', async () => {
  const url = await startAnswerer((socket, _, nth) => {
    if (nth % 2 === 1) socket.destroy();
    else socket.write(HELLO);
  });
  // Longer than a second apart: no server closes a connection for being idle sooner.
  const summary = await measure(url, {}, { connections: 1, rate: 0.8, duration: 2.6 });
  expect(summary).toMatchObject({ requests: 3, failed: 0 });
});

test('counts a connection that breaks under load as a reset, and asks it nothing twice', async () => {
  let asked = 0;
  const url = await startAnswerer((socket, _, nth) => {
    asked++;
    if (nth % 2 === 1) socket.destroy();
    else socket.write(HELLO);
  });
  const { requests, failed, errors } = await measure(url, {}, { connections: 1 });
  expect(failed).toBeGreaterThan(5);
  expect(errors).toEqual([{ kind: 'reset', count: failed }]);
  expect(requests + failed).toBeGreaterThanOrEqual(asked - 1);
});

test('tells the first token and the gaps between tokens apart', async () => {
  const url = await startAnswerer((socket) => {
    const [first, ...rest] = eventStream('a', 'b', '[DONE]').split(/(?=data: [b[])/);
    setTimeout(() => {
      socket.write(first ?? '');
      setTimeout(() => socket.end(rest.join('')), 80);
    }, 40);
  });
  const { firstToken, gap, latency, events, requests, withoutDone } = await measure(url, {
    stream: true,
  });
  expect(firstToken?.p50).toBeGreaterThanOrEqual(39);
  expect(gap?.max).toBeGreaterThanOrEqual(60);
  expect(latency.p50).toBeGreaterThanOrEqual(118);
  expect(events).toBeGreaterThanOrEqual(2 * requests);
  expect(withoutDone).toBe(0);
});

test('says how many streams ended without [DONE]', async () => {
  const url = await startAnswerer((socket) => socket.end(eventStream('a')));
  const { withoutDone, failed } = await measure(url, { stream: true });
  expect(withoutDone).toBeGreaterThan(0);
  expect(failed).toBe(0);
});

test.each([
  ['status 503', 'HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno', 'write'],
  ['truncated', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello', 'end'],
  ['malformed', 'hello\r\n\r\n', 'write'],
  ['error event', eventStream('{"text":"a"}', '{"error":{"status":502}}'), 'end'],
  ['error event', eventStream('{"text":"a"}', '{ "error": "overloaded" }'), 'end'],
  ['error event', eventStream('{"text":"a"}').concat('event: error\ndata: {}\n\n'), 'end'],
  ['no events', HELLO, 'write'],
  ['timeout', 'HTTP/1.1 200 OK\r\n', 'write'],
  ['reset', '', 'end'],
] as const)('counts %s as such', async (kind, text, how) => {
  const url = await startAnswerer((socket) => socket[how](text));
  const { errors, failed, requests, latency } = await measure(url, {
    stream: kind === 'no events' || kind === 'error event',
    timeout: kind === 'timeout' ? 150 : 10_000,
  });
  expect(errors).toEqual([{ kind, count: failed }]);
  expect(failed).toBeGreaterThan(0);
  expect({ requests, max: latency.max }).toEqual({ requests: 0, max: 0 });
});

test('a server that is not there is tried again, without haste', async () => {
  const url = new URL(`http://127.0.0.1:${await findFreePort()}/`);
  const { errors, failed } = await measure(url);
  expect(errors).toEqual([{ kind: 'connect ECONNREFUSED', count: failed }]);
  expect(failed).toBeLessThan(20);
});

test('tells the rate of answers that take longer than it measures', async () => {
  const url = await startAnswerer((socket) => setTimeout(() => socket.write(HELLO), 400));
  const load = { connections: 8, warmup: 0.3, duration: 0.3 };
  const { requestsPerSecond } = await measure(url, {}, load);
  // 8 at once, 0.4 s each; on a busy machine somewhat longer.
  expect(requestsPerSecond).toBeGreaterThan(14);
  expect(requestsPerSecond).toBeLessThanOrEqual(20.1);
});

test('counts what failed after the warm-up, though it began in it', async () => {
  const url = await startAnswerer((socket, _, nth) => {
    if (nth > 0) socket.write(HELLO);
  });
  const load = { warmup: 0.2, duration: 0.3 };
  const { errors } = await measure(url, { timeout: 400 }, load);
  expect(errors).toEqual([{ kind: 'timeout', count: 1 }]);
});

test('at a rate, has the times of what was to begin long before it could', async () => {
  const url = await startAnswerer((socket) => setTimeout(() => socket.write(HELLO), 100));
  const load = { rate: 500, connections: 1, warmup: 0.5, duration: 0.3 };
  const { latency } = await measure(url, {}, load);
  expect(latency.p50).toBeGreaterThan(400);
});

test('the first token is the first with text', async () => {
  const opening = '{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}';
  const chunk = '{"choices":[{"index":0,"delta":{"content":"a"}}]}';
  const url = await startAnswerer((socket) => {
    const [first = '', rest = ''] = eventStream(opening, chunk, '[DONE]').split(/(?=data: .*"a")/);
    socket.write(first);
    setTimeout(() => socket.end(rest), 60);
  });
  const { firstToken, gap } = await measure(url, { stream: true });
  expect(firstToken?.p50).toBeGreaterThanOrEqual(59);
  expect(gap?.max).toBe(0);
});

test('waits for answers that were under way at the end, and counts their time', async () => {
  const url = await startAnswerer((socket) => setTimeout(() => socket.write(HELLO), 250));
  const { requests, latency } = await measure(url, {}, { duration: 0.2 });
  expect(requests).toBe(0);
  expect(latency.p50).toBeGreaterThanOrEqual(240);
});

test('at a rate it begins so many a second, over as few connections as will do', async () => {
  const sockets = new Set<unknown>();
  const url = await startAnswerer((socket) => {
    sockets.add(socket);
    socket.write(HELLO);
  });
  const summary = await measure(url, {}, { rate: 100, duration: 0.5, connections: 50 });
  expect(summary).toMatchObject({ unsent: 0, failed: 0 });
  expect(summary.requests).toBeGreaterThan(20);
  expect(summary.requests).toBeLessThanOrEqual(50);
  expect(sockets.size).toBeLessThan(50);
});

test('at a rate, a stall is in the latencies of all that were to begin meanwhile', async () => {
  let stalled: Promise<void> | undefined;
  const url = await startAnswerer(async (socket, _, nth) => {
    // One connection: what waits for the stalled answer has not even been sent.
    if (nth === 10) stalled = new Promise((resolve) => setTimeout(resolve, 200));
    await stalled;
    socket.write(HELLO);
  });
  const options = { duration: 0.5, connections: 1 };
  const { latency, delay } = await measure(url, {}, { ...options, rate: 100 });
  expect(latency.max).toBeGreaterThanOrEqual(195);
  expect(latency.p90).toBeGreaterThanOrEqual(100);
  expect(delay?.max).toBeGreaterThanOrEqual(180);
});

test('at a rate, starts for which there was no connection in time are counted', async () => {
  const url = await startAnswerer((socket) => setTimeout(() => socket.write(HELLO), 200));
  const summary = await measure(url, {}, { rate: 100, duration: 0.3, connections: 1 });
  expect(summary.latency.max).toBeGreaterThan(300);
  expect(summary.unsent).toBeGreaterThanOrEqual(28);
});

test('stops at once when it is told to, and leaves no connection', async () => {
  const closed: Promise<unknown>[] = [];
  const url = await startAnswerer((socket) => {
    closed.push(new Promise((resolve) => socket.once('close', resolve)));
  });
  const stop = new AbortController();
  const reason = new Error('enough');
  const target = makeTarget(url, { body: '{}' });
  const run = runLoad(target, { ...SHORT, duration: 60, signal: stop.signal });
  await expect.poll(() => closed.length).toBe(2);
  stop.abort(reason);
  await expect(run).rejects.toBe(reason);
  await Promise.all(closed);
});

test('a probe says what became of one request', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const found = await probeTarget(makeTarget(url, { body: '{}' }));
  expect(found).toMatchObject({ failure: undefined, address: '127.0.0.1' });
  const nowhere = new URL(`http://127.0.0.1:${await findFreePort()}/`);
  const missing = await probeTarget(makeTarget(nowhere, { body: '{}' }));
  expect(missing).toMatchObject({ failure: 'connect ECONNREFUSED', problem: 'ECONNREFUSED' });
});
