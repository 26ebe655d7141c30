// How soon an upstream call ends once nobody waits for it, and what a stop costs under load:
//   node .scripts/build.mjs && node bench/cancel.mjs [--stack fastapi,fastify] [--project DIR]
//     [--count 100] [--streams 50]
// The mock runs in this process: one clock says when a client left and when the mock saw it.
// A client that leaves the queue never had an upstream call: there the server's log line counts.
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { begin, parseEvents, readMetric, readSlug, talk } from './clients.mjs';
import { milliseconds, printTable, quantile, seedRandom } from './figures.mjs';
import { eventually, runBench, startServer, startUpstream, stopServer } from './servers.mjs';

const BOUND_MS = 250;
const UNHURRIED = { IDLE_TIMEOUT: '60', REQUEST_TIMEOUT: '120', QUEUE_TIMEOUT: '60' };
const DRAIN_SECONDS = 20;
const prompt = 'What is the capital of France?';

const PHASES = {
  queued: leaveQueue,
  'stream, before the answer': (bench) => leaveRequest(bench, 'hang', { stream: true }),
  'stream, before the first token': (bench) => leaveRequest(bench, 'slow-first-token', STREAM),
  'stream, between tokens': (bench) => leaveStream(bench, 'drip'),
  'stream, upstream silent': (bench) => leaveStream(bench, 'stall'),
  'plain, before the answer': (bench) => leaveRequest(bench, 'hang', {}),
  'plain, amid the answer': (bench) => leaveRequest(bench, 'drip', {}),
  'WebSocket, before the answer': (bench) => leaveSocket(bench, 'hang', 'leave'),
  'WebSocket, between tokens': (bench) => leaveSocket(bench, 'drip', 'leave'),
  'WebSocket, closed properly': (bench) => leaveSocket(bench, 'drip', 'close'),
};
const STREAM = { stream: true };

await runBench({ count: 100, streams: 50 }, async (project, { count, streams }) => [
  ...(await measureCancel(project, count)),
  ...(await measureDrain(project, streams)),
]);

async function measureCancel(project, count) {
  const upstream = await startUpstream();
  const env = { ...UNHURRIED, MAX_CONCURRENCY: '1', MAX_QUEUE: '1' };
  const server = await startServer(project, upstream, env);
  const bench = { upstream, server, random: seedRandom(1) };
  const broken = [];
  const rows = [['client leaves', 'times', 'p50', 'p99', 'worst']];
  for (const [name, leave] of Object.entries(PHASES)) {
    const times = [];
    for (let index = 0; index < count; index++) {
      times.push(await leave(bench));
      await eventually(async () => upstream.mock.counts.open === 0, 10, `${name}: no call open`);
    }
    const p99 = quantile(times, 0.99);
    if (!(p99 < BOUND_MS)) broken.push(`${name}: p99 is ${milliseconds(p99)}`);
    const figures = [quantile(times, 0.5), p99, Math.max(...times)].map(milliseconds);
    rows.push([name, times.length, ...figures]);
  }
  const code = await stopServer(server);
  if (code !== 0) broken.push(`the server ended with ${code}`);
  await upstream.close();
  printTable(rows);
  return broken;
}

/** Anywhere within the phase, not always at its start. */
function dawdle({ random }) {
  return pause(30 * random());
}

async function leaveRequest(bench, fault, fields) {
  const coming = bench.upstream.next();
  const call = begin(bench.server.url, { fields: { prompt, model: `mock-${fault}`, ...fields } });
  const { ended } = await within(coming, 'the upstream is called');
  await dawdle(bench);
  return timeEnd(() => call.leave(), ended);
}

async function leaveStream(bench, fault) {
  const coming = bench.upstream.next();
  const call = begin(bench.server.url, {
    fields: { prompt, model: `mock-${fault}`, stream: true },
  });
  const { ended } = await within(coming, 'the upstream is called');
  await within(call.began, 'the first token');
  await dawdle(bench);
  return timeEnd(() => call.leave(), ended);
}

async function leaveSocket(bench, fault, how) {
  const coming = bench.upstream.next();
  const socket = await talk(bench.server.url);
  const began = new Promise((done) => {
    void socket.ask({ prompt, model: `mock-${fault}` }, done);
  });
  const { ended } = await within(coming, 'the upstream is called');
  if (fault !== 'hang') await within(began, 'the first token');
  await dawdle(bench);
  return timeEnd(() => socket[how](), ended);
}

/** The only place is taken, and one waits for it. */
async function leaveQueue(bench) {
  const { server, upstream } = bench;
  const coming = upstream.next();
  const fields = { prompt, model: 'mock-hang' };
  const running = begin(server.url, { fields });
  await within(coming, 'the place is taken');
  const id = `queued-${Math.floor(1e9 * bench.random())}`;
  const queued = begin(server.url, { fields, headers: { 'X-Request-Id': id } });
  await eventually(async () => (await readMetric(server.url, 'llm_api_queued')) === 1, 5, 'queued');
  await dawdle(bench);
  const before = upstream.mock.counts.received;
  const line = new Promise((done) => {
    const look = (text) => {
      if (!text.includes(id) || !text.includes('client_closed')) return;
      server.log.off('line', look);
      done(performance.now());
    };
    server.log.on('line', look);
  });
  const took = await timeEnd(() => queued.leave(), line);
  running.leave();
  if (upstream.mock.counts.received !== before) throw new Error('who left the queue was passed on');
  return took;
}

async function timeEnd(leave, ended) {
  const leftAt = performance.now();
  leave();
  return (await within(ended, 'the call ends after its client left')) - leftAt;
}

async function within(promise, what) {
  const late = pause(10_000, 'late', { ref: false });
  const value = await Promise.race([promise, late]);
  if (value === 'late') throw new Error(`not within 10 s: ${what}`);
  return value;
}

/** SIGTERM with streams in flight, and callers that keep coming. */
async function measureDrain(project, streams) {
  const upstream = await startUpstream({ timeToFirstToken: 200, tokensPerSecond: 10 });
  const env = { ...UNHURRIED, MAX_CONCURRENCY: String(streams), DRAIN_TIMEOUT: `${DRAIN_SECONDS}` };
  const server = await startServer(project, upstream, env);
  const agent = new Agent({ keepAlive: true });
  const fields = { prompt, stream: true };
  const calls = Array.from({ length: streams }, () => begin(server.url, { fields, agent }));
  await within(Promise.all(calls.map(({ began }) => began)), 'all streams have begun');

  const signalledAt = performance.now();
  let isOver = false;
  server.signal('SIGTERM');
  const exit = server.exit.then((code) => {
    isOver = true;
    return { code, at: performance.now() };
  });
  await eventually(
    async () => isOver || (await fetch(`${server.url}/readyz`).catch(() => ({}))).status === 503,
    5,
    'it says that it drains',
  );
  const refused = {};
  const comeLate = async () => {
    while (!isOver) {
      const answer = await begin(server.url, { fields }).answer;
      const name = answer.status === 0 ? 'no connection' : `${answer.status} ${readSlug(answer)}`;
      refused[name] = (refused[name] ?? 0) + 1;
      await pause(100);
    }
  };
  const late = comeLate();
  const answers = await Promise.all(calls.map(({ answer }) => answer));
  const lastAt = performance.now();
  const { code, at } = await Promise.race([
    exit,
    pause(1000 * (DRAIN_SECONDS + 5), { code: 'none', at: Number.NaN }, { ref: false }),
  ]);
  isOver = true;
  await late;
  agent.destroy();
  await upstream.close();

  const failed = answers.filter(({ text }) => parseEvents(text).at(-1) !== '[DONE]').length;
  const strange = Object.keys(refused).filter(
    (name) => name !== 'no connection' && name !== '503 draining',
  );
  console.log();
  printTable([
    ['SIGTERM under load', ''],
    ['streams in flight', streams],
    ['failed of them', failed],
    [
      'refused meanwhile',
      Object.entries(refused)
        .map((pair) => pair.join(': '))
        .join(', ') || 0,
    ],
    ['exit after the signal', milliseconds(at - signalledAt)],
    ['exit after the last answer', milliseconds(at - lastAt)],
    ['exit code', code],
  ]);
  return [
    ...(failed > 0 ? [`${failed} accepted streams failed`] : []),
    ...(code === 0 ? [] : [`the exit code is ${code}`]),
    ...(at - signalledAt < 1000 * (DRAIN_SECONDS + 1) ? [] : ['it did not end in time']),
    ...strange.map((name) => `while draining: ${name}`),
  ];
}
