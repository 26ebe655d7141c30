import { Agent, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from './describe.ts';
import { findLeaks, serverEnvironment } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { type Answer, begin, generate, open, parseEvents, send } from './http.ts';
import { findLines } from './lines.ts';
import { readMetrics, total } from './metrics.ts';
import { type OwnServer, startOwnServer } from './own.ts';
import { checkProblem, expectProblem, type Problem } from './problem.ts';
import { withDeadline } from './program.ts';
import { refusal, talk } from './socket.ts';

const UNHURRIED = { IDLE_TIMEOUT: '40', REQUEST_TIMEOUT: '50', QUEUE_TIMEOUT: '40' };
const FEW_PLACES = { ...UNHURRIED, MAX_CONCURRENCY: '3', MAX_QUEUE: '6', DRAIN_TIMEOUT: '30' };
const SHORT = { ...UNHURRIED, MAX_CONCURRENCY: '3', MAX_QUEUE: '1', DRAIN_TIMEOUT: '1' };
/** The contract allows DRAIN_TIMEOUT and a second. */
const SHORT_MS = 2000;

describeProjects('SIGTERM', { layout: 'async' }, ({ directory }) => {
  let mock: Mock;
  beforeAll(async () => {
    mock = await startMock();
  });
  beforeEach(() => mock.reset());
  afterAll(() => mock.close());

  const start = (env: Readonly<Record<string, string>>): Promise<OwnServer> =>
    startOwnServer(directory, { ...serverEnvironment(mock.url), ...env });

  describe('under load', () => {
    let server: OwnServer;
    let running: Promise<Answer>[];
    let keptAlive: Awaited<ReturnType<typeof keepAlive>>;

    test('is a wait for those that are in', async () => {
      // Two rounds of some two seconds each: three run while three wait.
      mock.setPace({ timeToFirstToken: 1000, tokensPerSecond: 30 });
      server = await start(FEW_PLACES);
      keptAlive = await keepAlive(server.url);
      const socket = await talk(server.url);
      socket.ask();
      running = [false, true, false, true, true].map((stream) =>
        send(server.url, generate({ stream })),
      );
      await eventually(() => expect(mock.counts.open).toBe(3));
      await expectQueued(server.url, 3);

      server.program.kill('SIGTERM');
      await expectNotReady(server.url);
      expect((await send(server.url, { path: '/healthz' })).status).toBe(200);

      const before = mock.counts.received;
      for (const fields of [{}, { stream: true }, { prompt: '' }]) {
        expectDraining(await send(server.url, generate(fields)));
      }
      expectDraining(await refusal(server.url));
      expectDraining(await keptAlive.ask());
      const shed = { reason: 'draining' };
      const metrics = await readMetrics(server.url);
      expect(total(metrics, 'llm_api_shed_total', shed)).toBeGreaterThanOrEqual(4);
      expect(mock.counts.received, 'nothing new was passed on').toBe(before);

      const answers = await Promise.all(running);
      const endedAt = Date.now();
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
      for (const index of [1, 3, 4]) {
        expect(parseEvents(answers[index]?.text ?? '').at(-1)).toBe('[DONE]');
      }
      expect(socket.said.at(-1)).toMatchObject({ finish_reason: 'stop' });
      expect(await withDeadline(server.program.ended, 10)).toBe(0);
      expect(Date.now() - endedAt, 'once the last has its answer').toBeLessThan(3000);
      expect(await socket.closed).toBe(1012);
      expect(mock.counts).toMatchObject({ received: 6, completed: 6 });
      expect(findLeaks(server.program.output())).toEqual([]);
      keptAlive.close();
    });
  });

  test('with nothing to do ends it at once, whoever is still connected', async () => {
    const server = await start(FEW_PLACES);
    const kept = await keepAlive(server.url);
    const socket = await talk(server.url);
    socket.ask();
    await socket.ends(1);
    const startedAt = Date.now();
    server.program.kill('SIGTERM');
    expect(await withDeadline(server.program.ended, 10)).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(3000);
    expect(await socket.closed).toBe(1012);
    kept.close();
  });

  test('cuts at DRAIN_TIMEOUT what does not end by itself, and says why', async () => {
    const server = await start(SHORT);
    mock.setFault('drip');
    const stream = await open(server.url, generate({ stream: true }, id('cut-stream')));
    await waitForToken(stream);
    const socket = await talk(server.url);
    socket.ask();
    await eventually(() => expect(socket.said.length).toBeGreaterThan(0));
    mock.setFault('hang');
    const plain = send(server.url, generate({}, id('cut-plain')));
    await eventually(() => expect(mock.counts.open).toBe(3));
    const queued = send(server.url, generate({ stream: true }, id('cut-queued')));
    await expectQueued(server.url, 1);
    // A body that never comes is no reason to stay.
    const upload = begin(server.url, { ...generate(), unfinished: true });

    const startedAt = Date.now();
    server.program.kill('SIGTERM');
    const code = await withDeadline(server.program.ended, 10);
    const ms = Date.now() - startedAt;
    upload.leave();
    expect(code).toBe(0);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(SHORT_MS);

    const events = parseEvents(await stream.whole);
    expect(events).not.toContain('[DONE]');
    checkProblem((JSON.parse(events.at(-1) ?? '') as { error: Problem }).error, 'draining');
    checkProblem(socket.said.at(-1)?.error as Problem, 'draining');
    expect(await socket.closed).toBe(1012);
    expectProblem(await plain, 'draining');
    expectProblem(await queued, 'draining');
    await eventually(() => expect(mock.counts).toMatchObject({ open: 0, received: 3 }));
    for (const name of ['cut-stream', 'cut-plain', 'cut-queued']) {
      const lines = findLines(server.program.output(), { request_id: name });
      expect(lines.map(({ outcome }) => outcome)).toEqual(['draining']);
    }
    expect(findLeaks(server.program.output())).toEqual([]);
  });

  test('a second time ends it at once', async () => {
    const server = await start({ ...FEW_PLACES });
    mock.setFault('drip');
    await waitForToken(await open(server.url, generate({ stream: true })));
    server.program.kill('SIGTERM');
    await expectNotReady(server.url);
    const startedAt = Date.now();
    server.program.kill('SIGTERM');
    expect(await withDeadline(server.program.ended, 10)).toBeDefined();
    expect(Date.now() - startedAt).toBeLessThan(1500);
    await eventually(() => expect(mock.counts.open).toBe(0));
  });

  describe('to two workers', () => {
    test('is a wait for those that are in, on both', async () => {
      mock.setPace({ timeToFirstToken: 1500 });
      const server = await start({ ...UNHURRIED, WORKERS: '2', DRAIN_TIMEOUT: '30' });
      const running = Array.from({ length: 12 }, (_, index) =>
        send(server.url, generate({ stream: index % 2 === 0 })),
      );
      await eventually(() => expect(mock.counts.open).toBe(12));
      server.program.kill('SIGTERM');
      await expectNotReady(server.url);
      for (let attempt = 0; attempt < 6; attempt++) {
        expectDraining(await send(server.url, generate()));
      }
      const answers = await Promise.all(running);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(await withDeadline(server.program.ended, 10)).toBe(0);
      expect(mock.counts).toMatchObject({ received: 12, completed: 12 });
    });

    test('is a cut at DRAIN_TIMEOUT on both', async () => {
      mock.setFault('drip');
      const server = await start({ ...UNHURRIED, WORKERS: '2', DRAIN_TIMEOUT: '1' });
      const streams = await Promise.all(
        Array.from({ length: 8 }, () => open(server.url, generate({ stream: true }))),
      );
      for (const stream of streams) await waitForToken(stream);
      const startedAt = Date.now();
      server.program.kill('SIGTERM');
      expect(await withDeadline(server.program.ended, 10)).toBe(0);
      expect(Date.now() - startedAt).toBeLessThan(SHORT_MS);
      for (const stream of streams) {
        const events = parseEvents(await stream.whole);
        checkProblem((JSON.parse(events.at(-1) ?? '') as { error: Problem }).error, 'draining');
      }
      await eventually(() => expect(mock.counts.open).toBe(0));
    });
  });
});

function id(name: string): Record<string, string> {
  return { 'X-Request-Id': name };
}

function expectDraining(answer: Answer): void {
  expectProblem(answer, 'draining');
  expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  expect(answer.headers.connection?.toLowerCase()).toBe('close');
}

async function expectNotReady(url: string): Promise<void> {
  await eventually(async () => expect((await send(url, { path: '/readyz' })).status).toBe(503));
  expectProblem(await send(url, { path: '/readyz' }), 'draining');
}

async function expectQueued(url: string, count: number): Promise<void> {
  await eventually(async () => expect(total(await readMetrics(url), 'llm_api_queued')).toBe(count));
}

/** A connection that stays open after its first request. */
async function keepAlive(url: string): Promise<{ ask(): Promise<Answer>; close(): void }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string, body?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const headers = body ? { 'Content-Type': 'application/json' } : {};
      const method = body ? 'POST' : 'GET';
      const outgoing = request({ hostname, port, path, method, headers, agent });
      outgoing.on('error', reject);
      outgoing.on('response', async (incoming) => {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
      });
      outgoing.end(body);
    });
  await ask('/healthz');
  return { ask: () => ask('/generate', '{"prompt":"x"}'), close: () => agent.destroy() };
}
