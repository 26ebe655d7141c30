import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, describeProjects, describeServers } from './describe.ts';
import { serverEnvironment } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { begin, generate, parseEvents, send } from './http.ts';
import { type OwnServer, startOwnServer } from './own.ts';
import { checkProblem, expectProblem, type Problem } from './problem.ts';
import { stopProgram } from './program.ts';
import { type SilentPort, startSilentPort } from './silent.ts';
import { talk } from './socket.ts';

/** What a busy machine adds to a time. */
const SLACK_MS = 1500;

describeProjects('an upstream that nobody can connect to', { layout: 'async' }, (project) => {
  let silent: SilentPort;
  let server: OwnServer;
  beforeAll(async () => {
    silent = await startSilentPort();
    server = await startOwnServer(project.directory, {
      ...serverEnvironment(`http://127.0.0.1:${silent.port}/v1`),
      CONNECT_TIMEOUT: '1',
      MAX_RETRIES: '0',
      IDLE_TIMEOUT: '15',
      REQUEST_TIMEOUT: '20',
    });
  });
  afterAll(async () => {
    silent.close();
    await stopProgram(server.program);
  });

  test.each([false, true])('is given up after CONNECT_TIMEOUT (stream: %s)', async (stream) => {
    const start = Date.now();
    expectProblem(await send(server.url, generate({ stream })), 'upstream-timeout');
    expectBetween(Date.now() - start, 1000);
  });
});

describeServers(
  'an upstream that is silent',
  {
    layout: 'async',
    command: 'own',
    env: { IDLE_TIMEOUT: '1', REQUEST_TIMEOUT: '15', MAX_RETRIES: '0' },
  },
  (api) => {
    describe('is given up after IDLE_TIMEOUT', () => expectTimeouts(api, 'stall', 1000));
  },
);

describeServers(
  'an upstream that drips',
  {
    layout: 'async',
    command: 'own',
    env: {
      IDLE_TIMEOUT: '1',
      REQUEST_TIMEOUT: '2.5',
      MAX_CONCURRENCY: '1',
      QUEUE_TIMEOUT: '10',
    },
  },
  (api) => {
    describe('is given up after REQUEST_TIMEOUT', () => expectTimeouts(api, 'drip', 2500));

    test('and so is a caller whose body does not come', async () => {
      const start = Date.now();
      const { answer } = begin(api.url, { ...generate(), unfinished: true });
      const status = await answer.then((head) => head.status).catch(() => 'hung up');
      expect(status).not.toBe(200);
      expect(Date.now() - start).toBeLessThan(2500 + SLACK_MS);
    });

    test('which counts from the arrival of a request, its time in the queue included', async () => {
      api.mock.setFault('drip');
      const first = await api.stream();
      await waitForToken(first);
      const start = Date.now();
      const late = api.begin({ stream: true });
      await eventually(() => expect(parseTexts(first.received())).toBeGreaterThan(10));
      first.leave();
      const { whole } = await late.answer;
      const { error } = JSON.parse(parseEvents(await whole).at(-1) ?? '') as { error: Problem };
      checkProblem(error, 'upstream-timeout');
      expectBetween(Date.now() - start, 2500);
    });
  },
);

function expectTimeouts(api: Api, fault: 'stall' | 'drip', ms: number): void {
  test('plain', async () => {
    api.mock.setFault(fault);
    const start = Date.now();
    expectProblem(await api.generate(), 'upstream-timeout');
    expectBetween(Date.now() - start, ms);
    await expectNothingOpen(api);
  });

  test('in a stream', async () => {
    api.mock.setFault(fault);
    const start = Date.now();
    const { whole } = await api.stream();
    const { error } = JSON.parse(parseEvents(await whole).at(-1) ?? '') as { error: Problem };
    checkProblem(error, 'upstream-timeout');
    expectBetween(Date.now() - start, ms);
    await expectNothingOpen(api);
  });

  test('over a WebSocket, which stays', async () => {
    api.mock.setFault(fault);
    const socket = await talk(api.url);
    const start = Date.now();
    socket.ask();
    await socket.ends(1);
    expectBetween(Date.now() - start, ms);
    checkProblem(socket.said.at(-1)?.error as Problem, 'upstream-timeout');
    await expectNothingOpen(api);
    api.mock.setFault(undefined);
    socket.ask();
    await socket.ends(2);
    expect(socket.said.at(-1)).toMatchObject({ finish_reason: 'stop' });
    socket.close();
  });
}

function parseTexts(received: string): number {
  return received.split('data: {"text"').length - 1;
}

async function expectNothingOpen(api: Api): Promise<void> {
  await eventually(() => expect(api.mock.counts.open).toBe(0));
}

function expectBetween(ms: number, wanted: number): void {
  // Timers of two programs may differ by a little.
  expect(ms).toBeGreaterThan(0.9 * wanted);
  expect(ms).toBeLessThan(wanted + SLACK_MS);
}
