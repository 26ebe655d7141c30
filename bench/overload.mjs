// What a server does with more than it can carry:
//   node .scripts/build.mjs && node bench/overload.mjs [--stack fastapi,fastify]
//     [--project DIR] [--seconds 15] [--places 32]
// Open loop: requests come when they come (Poisson, the same in each run), whether or not those
// before them were answered. Capacity is what the places allow when a call lasts half a second.
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { begin, parseEvents, readMetric, readSlug } from './clients.mjs';
import {
  megabytes,
  milliseconds,
  printTable,
  quantile,
  readMemory,
  seedRandom,
} from './figures.mjs';
import { eventually, runBench, startServer, startUpstream, stopServer } from './servers.mjs';

const LEVELS = [1, 3, 10];
const FIRST_TOKEN_MS = 100;
const CALL_MS = 500;
/** Of the served: twice what a place in the queue and the call take. */
const BOUND_MS = 4 * CALL_MS;
/** More than this at a time this process does not offer: that it had to hold back is reported. */
const OUTSTANDING = 2000;
const prompt = 'What is the capital of France?';

await runBench({ seconds: 15, places: 32 }, async (project, { seconds, places }) => {
  const upstream = await startUpstream({ timeToFirstToken: FIRST_TOKEN_MS });
  await setPace(upstream);
  const server = await startServer(project, upstream, {
    MAX_CONCURRENCY: String(places),
    MAX_QUEUE: String(places),
    LOG_LEVEL: 'info',
  });
  const capacity = (1000 * places) / CALL_MS;
  await offer(server, capacity / 2, 2); // warm up, and throw away
  const idle = readMemory(server.pid);

  const broken = [];
  const rows = [['load', 'offered', 'served', 'shed', 'p50', 'p99', 'first', 'shed in', 'RSS']];
  for (const level of LEVELS) {
    const { served, shed, strange, heldBack, peak, took } = await offer(
      server,
      level * capacity,
      seconds,
    );
    const ms = served.map((answer) => answer.ms);
    rows.push([
      `${level}x`,
      ((served.length + shed.length) / seconds).toFixed(1),
      (served.length / took).toFixed(1),
      (shed.length / took).toFixed(1),
      milliseconds(quantile(ms, 0.5)),
      milliseconds(quantile(ms, 0.99)),
      milliseconds(quantile(served.filter(isStream).map(readFirst), 0.5)),
      milliseconds(
        quantile(
          shed.map((answer) => answer.ms),
          0.99,
        ),
      ),
      megabytes(peak),
    ]);
    if (quantile(ms, 0.99) > BOUND_MS)
      broken.push(`${level}x: p99 of the served is over ${BOUND_MS} ms`);
    for (const [what, count] of Object.entries(strange)) broken.push(`${level}x: ${count} ${what}`);
    if (heldBack > 0) broken.push(`${level}x: ${heldBack} were never sent: the bench is too slow`);
    await eventually(() => isIdle(server), 10, `no slot is taken after ${level}x`);
  }
  printTable(rows);
  console.log(
    `  a second each, of ${capacity}/s that ${places} places and as many in the queue can carry;\n` +
      `  p50 and p99 of the served, which wait up to ${CALL_MS} ms and last ${CALL_MS} ms; median of\n` +
      `  the first token; p99 of the shed; the most memory, from ${megabytes(idle)} at rest`,
  );
  const code = await stopServer(server);
  await upstream.close();
  return code === 0 ? broken : [...broken, `the server ended with ${code}`];
});

/** So that the rest of the answer takes the rest of the time. */
async function setPace({ mock, url }) {
  const answer = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'mock', messages: [{ role: 'user', content: prompt }] }),
  });
  const tokens = (await answer.json()).usage.completion_tokens;
  mock.setPace({ tokensPerSecond: (1000 * (tokens - 1)) / (CALL_MS - FIRST_TOKEN_MS) });
}

/** So many requests a second, every other one streamed. */
async function offer(server, perSecond, seconds) {
  const random = seedRandom(perSecond);
  const agent = new Agent({ keepAlive: true });
  const result = { served: [], shed: [], strange: {}, heldBack: 0, peak: readMemory(server.pid) };
  const open = new Set();
  const startedAt = performance.now();
  const passed = () => (performance.now() - startedAt) / 1000;
  let due = 0;
  let count = 0;
  let sampled = 0;
  while (due < seconds) {
    while (due < Math.min(passed(), seconds)) {
      due += -Math.log(1 - random()) / perSecond;
      if (open.size >= OUTSTANDING) {
        result.heldBack++;
        continue;
      }
      const call = ask(server, agent, count++ % 2 === 1).then((answer) => {
        open.delete(call);
        sort(answer, result);
      });
      open.add(call);
    }
    if (passed() > sampled + 0.5) {
      sampled = passed();
      result.peak = Math.max(result.peak ?? 0, readMemory(server.pid) ?? 0) || undefined;
    }
    await pause(2);
  }
  await Promise.all(open);
  agent.destroy();
  return { ...result, took: passed() };
}

async function ask(server, agent, stream) {
  const startedAt = performance.now();
  const call = begin(server.url, { fields: { prompt, stream }, agent });
  await call.began;
  const first = performance.now() - startedAt;
  return { ...(await call.answer), stream, first };
}

function sort(answer, { served, shed, strange }) {
  const { status, headers, text, failed, stream } = answer;
  const isWhole = !stream || (status === 200 && parseEvents(text).at(-1) === '[DONE]');
  const slug = status === 200 ? '' : readSlug(answer);
  // Only what the table needs: ten times the load is many answers.
  const kept = { ms: answer.ms, first: answer.first, stream };
  if (failed) count(strange, `failed: ${failed}`);
  else if (status === 200 && isWhole) served.push(kept);
  else if (slug === 'overloaded' && headers['retry-after']) shed.push(kept);
  else count(strange, `were ${status} ${slug || 'a stream without its end'}`);
}

function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1;
}

function isStream({ stream }) {
  return stream;
}

function readFirst({ first }) {
  return first;
}

async function isIdle({ url }) {
  const names = ['llm_api_in_flight', 'llm_api_queued'];
  return (await Promise.all(names.map((name) => readMetric(url, name)))).every((n) => n === 0);
}
