// Minutes of a load that the machine carries, with all that goes wrong on a common day:
//   node .scripts/build.mjs && node bench/soak.mjs [--stack fastapi,fastify] [--project DIR]
//     [--minutes 5] [--clients 16] [--seed 1]
// 10 % of the requests meet a fault of the upstream, 10 % of the clients leave, 5 % are malformed.
// Exits 1 when an answer was not as the contract has it, or when anything is left afterwards.
// Memory is judged from two minutes on. Descriptors and memory are known on Linux only.
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { readMetric } from './clients.mjs';
import {
  countDescriptors,
  megabytes,
  milliseconds,
  printTable,
  quantile,
  readMemory,
  seedRandom,
} from './figures.mjs';
import { eventually, runBench, startServer, startUpstream, stopServer } from './servers.mjs';
import { MAX_BODY_BYTES, playTurn } from './turns.mjs';

const GROWTH = 1.1;
const SUSPICIOUS =
  /Traceback|unhandled|unexpected|uncaught|never retrieved|was destroyed|\w+Warning\b|"status": ?500\b/i;
/** The slots are fewer than the clients, so that some wait; the deadlines keep faults short. */
const ENV = {
  MAX_QUEUE: '64',
  CONNECT_TIMEOUT: '2',
  IDLE_TIMEOUT: '2',
  REQUEST_TIMEOUT: '6',
  MAX_RETRIES: '1',
  MAX_BODY_BYTES: String(MAX_BODY_BYTES),
};

await runBench({ minutes: 5, clients: 16, seed: 1 }, async (project, options) => {
  const { minutes, clients, seed } = options;
  const pace = { timeToFirstToken: 30, tokensPerSecond: 300, retryAfter: 1 };
  const upstream = await startUpstream(pace);
  const env = { ...ENV, MAX_CONCURRENCY: String(Math.max(1, clients - 2)) };
  const server = await startServer(project, upstream, env);
  const log = watchLog(server);
  const bench = { upstream, server, random: seedRandom(seed) };

  await load(bench, clients, 3); // warm up, and throw away
  await settle(bench);
  const idle = await countLeft(bench);
  Object.assign(log, { lines: 0, clientClosed: 0 });

  const result = await load(bench, clients, 60 * minutes);
  const left = await waitForIdle(bench, idle);
  const code = await stopServer(server);
  await upstream.close();

  const { first, last, growth } = judgeMemory(result.memory, 60 * minutes);
  printTable([
    ['outcome', 'times'],
    ...Object.entries(result.outcomes).sort(([a], [b]) => a.localeCompare(b)),
  ]);
  console.log();
  printTable([
    ['figure', 'at the start', 'at the end'],
    ['requests', '', result.times.length],
    ['requests a second', '', (result.times.length / (60 * minutes)).toFixed(1)],
    ['undisturbed, p50', '', milliseconds(quantile(result.undisturbed, 0.5))],
    ['undisturbed, p99', '', milliseconds(quantile(result.undisturbed, 0.99))],
    ['llm_api_in_flight', idle.inFlight, left.inFlight],
    ['llm_api_queued', idle.queued, left.queued],
    ['calls open at the mock', idle.calls, left.calls],
    ['connections at the mock', idle.connections, left.connections],
    ['descriptors of the server', idle.descriptors ?? '–', left.descriptors ?? '–'],
    ['RSS (start: after a minute)', megabytes(first), megabytes(last)],
    ['lines of the log', '', log.lines],
    ['client_closed in the log', '', log.clientClosed],
    ['suspicious in the log', '', log.suspicious.length],
    ['exit code', '', code],
  ]);
  return [
    ...result.unexpected,
    ...log.suspicious.slice(0, 20).map((line) => `log: ${line.slice(0, 500)}`),
    ...Object.keys(idle)
      .filter((name) => idle[name] !== undefined && !(left[name] <= idle[name]))
      .map((name) => `${name}: ${left[name]} are left, ${idle[name]} were there`),
    ...(minutes >= 2 && growth > GROWTH ? [`RSS grew to ${growth.toFixed(2)} times`] : []),
    ...(code === 0 ? [] : [`the server ended with ${code}`]),
  ];
});

/** Closed loop: each client goes on once it has its answer, or has left. */
async function load(bench, clients, seconds) {
  const agent = new Agent({ keepAlive: true });
  const result = { outcomes: {}, unexpected: [], times: [], undisturbed: [], memory: [] };
  const startedAt = performance.now();
  const passed = () => (performance.now() - startedAt) / 1000;
  let isOver = false;

  // One that has died is not asked for the rest of the time.
  let isGone = false;
  void bench.server.exit.then(() => {
    isGone = true;
  });
  const client = async () => {
    while (passed() < seconds && !isGone) {
      const { outcome, unexpected, ms, isUndisturbed } = await playTurn({ ...bench, agent }).catch(
        ({ message }) => ({ outcome: 'no answer at all', unexpected: message }),
      );
      result.outcomes[outcome] = (result.outcomes[outcome] ?? 0) + 1;
      result.times.push(ms);
      if (isUndisturbed) result.undisturbed.push(ms);
      if (unexpected && result.unexpected.length < 20) {
        result.unexpected.push(`${outcome} after ${passed().toFixed(1)} s: ${unexpected}`);
      }
    }
  };
  const sample = async () => {
    while (!isOver) {
      result.memory.push({ at: passed(), bytes: readMemory(bench.server.pid) });
      await pause(1000, undefined, { ref: false });
    }
  };
  void sample();
  await Promise.all(Array.from({ length: clients }, client));
  isOver = true;
  agent.destroy();
  return result;
}

/** Medians around the first minute's end (in a short run: around its first fifth), and at the end. */
function judgeMemory(memory, seconds) {
  const mark = Math.min(60, seconds / 5);
  const span = Math.min(5, seconds / 10);
  const between = (from, to) =>
    quantile(
      memory.filter(({ at }) => at >= from && at <= to).map(({ bytes }) => bytes),
      0.5,
    );
  const first = between(mark - span, mark + span);
  const last = between(seconds - 2 * span, seconds);
  return { first, last, growth: last / first };
}

/** Both ends keep connections for some seconds, and close them when they look at them again. */
async function settle(bench) {
  for (let index = 0; index < 16; index++) {
    await countLeft(bench);
    await playTurn({ ...bench, random: () => 0.99 });
    await pause(500);
  }
}

async function waitForIdle(bench, idle) {
  let left = {};
  const isIdle = async () => {
    await playTurn({ ...bench, random: () => 0.99 });
    await pause(500);
    left = await countLeft(bench);
    return Object.keys(idle).every((name) => !(left[name] > idle[name]));
  };
  // What is left is said in the table.
  await eventually(isIdle, 30, 'idle').catch(() => {});
  return left;
}

async function countLeft({ server, upstream }) {
  const inFlight = await readMetric(server.url, 'llm_api_in_flight');
  const queued = await readMetric(server.url, 'llm_api_queued');
  const connections = await upstream.countConnections();
  const { open: calls } = upstream.mock.counts;
  return { inFlight, queued, calls, connections, descriptors: countDescriptors(server.pid) };
}

/** A line that is not JSON is a word of somebody who should not speak: a runtime, a library. */
function watchLog({ log }) {
  const seen = { lines: 0, clientClosed: 0, suspicious: [] };
  log.on('line', (line) => {
    seen.lines++;
    if (line.includes('"client_closed"')) seen.clientClosed++;
    const isSuspicious = !line.startsWith('{') || SUSPICIOUS.test(line);
    if (isSuspicious && line.trim() && seen.suspicious.length < 1000) seen.suspicious.push(line);
  });
  return seen;
}
