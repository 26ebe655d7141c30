// How fast the generated servers are, beside the listing that people copy and beside the framework
// with nothing but a fast client, all against the same upstream:
//   node .scripts/build.mjs && node bench/speed.mjs [--stack fastapi,fastify,flask,express]
//     [--project DIR] [--only plain,streams,latency,paced,memory] [--rounds 3] [--seconds 4] [--json]
// Ours runs as in production with everything on; a server has one core, the upstream and the load
// the other. Rounds are interleaved, so that a busy moment of the machine meets all; answers are
// also told per second of processor time, which a busy neighbour hardly changes.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { prepareContestants } from './contestants.mjs';
import { megabytes, printTable, quantile, readCpu, readMemory } from './figures.mjs';
import { pinTo, runStacks, startServer, stopServer } from './servers.mjs';

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const CONNECTIONS = 64;
const TOKEN_PERIOD = 20;
const OPEN_STREAMS = 500;
const MEASURES = { plain: measurePlain, streams: measureStreams, latency: measureLatency };
/** Beside the snippet and the bare one, by the first word of what is measured. */
const AT_LEAST = {
  fastapi: { plain: [3, 0.75], streams: [15, 0.75], paced: [5, 0.75] },
  fastify: { plain: [4, 0.75], streams: [5, 0.75], paced: [5, 0.75] },
  flask: { plain: [1] },
  express: { plain: [1] },
};
const AT_MOST = { added: [1, 1.5], memory: [1] };
const texts = { only: { type: 'string' }, json: { type: 'boolean' } };
const known = { numbers: { rounds: 3, seconds: 4 }, stacks: Object.keys(AT_LEAST), texts };
const report = { date: new Date().toISOString(), node: process.version, stacks: {} };

await runStacks(known, async (stack, options) => {
  const contestants = prepareContestants(stack, options.project);
  const isAsync = 'bare' in contestants;
  const only = options.only?.split(',') ?? ['memory', ...Object.keys(MEASURES), 'paced'];
  const isWanted = (name) =>
    only.includes(name) && (isAsync || !['streams', 'paced'].includes(name));
  const samples = {};
  const note = (measure, name, value) => {
    samples[measure] ??= {};
    samples[measure][name] ??= [];
    samples[measure][name].push(value);
  };

  const upstream = await startUpstream();
  if (isWanted('memory')) {
    for (const [name, one] of Object.entries(contestants)) {
      const target = await startTarget(one, upstream);
      note('memory, idle', name, readMemory(target.server.pid));
      if (isAsync) note('memory, 500 streams', name, await holdStreams(target, upstream));
      await stopServer(target.server);
    }
  }
  const targets = { upstream: upstream.target };
  for (const [name, one] of Object.entries(contestants)) {
    targets[name] = await startTarget(one, upstream);
  }
  const measures = Object.keys(MEASURES).filter(isWanted);
  for (let round = 0; round <= options.rounds; round++) {
    for (const measure of measures) {
      const direct = { ms: 0 };
      for (const [name, target] of Object.entries(targets)) {
        // The first round warms up.
        const tell = round === 0 ? () => {} : (what, value) => note(what, name, value);
        await MEASURES[measure](target, round === 0 ? 1 : options.seconds, tell, direct);
      }
    }
  }
  if (isWanted('paced')) await measurePaced(targets, upstream, options.rounds, note);
  for (const { server } of Object.values(targets)) if (server) await stopServer(server);
  upstream.close();
  report.stacks[stack] = samples;
  if (!options.json) printReport(stack, samples, options);
  else if (stack === options.stacks.at(-1)) console.log(JSON.stringify(report, null, 2));
});

async function startUpstream() {
  const file = fileURLToPath(new URL('upstream.mjs', import.meta.url));
  const [execPath, execArgv] = pinTo(LOAD_CORE, process.execPath, []);
  const child = fork(file, { execPath, execArgv });
  const [{ port }] = await once(child, 'message');
  const url = `http://127.0.0.1:${port}`;
  return {
    url: `${url}/v1`,
    faults: [],
    target: { url, path: '/v1/chat/completions', headers: {} },
    async setPace(pace) {
      child.send({ pace });
      await once(child, 'message');
    },
    close: () => child.disconnect(),
  };
}

async function startTarget(contestant, upstream) {
  const server = await startServer(contestant, upstream, contestant.env, SERVER_CORE);
  return { server, url: server.url, path: '/generate', headers: contestant.headers };
}

/** What the load saw, and the processor time that it cost the server. */
async function offer(target, options) {
  const load = startLoad(target, options);
  const cpu = target.server && readCpu(target.server.pid);
  const result = JSON.parse((await load).stdout);
  const errors = Object.entries(result.errors);
  if (errors.length > 0)
    console.error(`  errors: ${errors.map((pair) => pair.join(' × ')).join()}`);
  return { ...result, cpu: target.server && readCpu(target.server.pid) - cpu };
}

function startLoad({ url, path, headers }, { stream = false, ...options }) {
  const file = fileURLToPath(new URL('offer.mjs', import.meta.url));
  const body = { prompt: 'What is the capital of France?', ...(stream && { stream }) };
  const all = { url, path, headers, body, spread: 0, warmup: 0.5, ...options };
  return promisify(execFile)(...pinTo(LOAD_CORE, process.execPath, [file, JSON.stringify(all)]));
}

async function measurePlain(target, seconds, tell) {
  tellRate('plain answers', await offer(target, { connections: CONNECTIONS, seconds }), tell);
}

async function measureStreams(target, seconds, tell) {
  const options = { connections: CONNECTIONS, seconds, stream: true };
  tellRate('streams', await offer(target, options), tell);
}

function tellRate(what, { perSecond, all, cpu }, tell) {
  tell(`${what}/s`, perSecond);
  if (cpu) tell(`${what} per CPU s`, all.answers / cpu);
}

/** `direct` carries the upstream's own time from the first target to the others. */
async function measureLatency(target, seconds, tell, direct) {
  const { latency } = await offer(target, { connections: 1, seconds });
  if (target.server) tell('added latency, p50 ms', latency.p50 - direct.ms);
  else direct.ms = latency.p50;
}

/** Memory with that many streams open, each of which has begun. */
async function holdStreams(target, upstream) {
  await upstream.setPace(1000);
  const options = { connections: OPEN_STREAMS, seconds: 60, spread: 2, stream: true, hold: true };
  const load = startLoad(target, options);
  load.catch(() => {});
  await once(load.child.stdout, 'data');
  const bytes = readMemory(target.server.pid);
  load.child.kill();
  await upstream.setPace(0);
  return bytes;
}

/** The most streams that a server passes on in time: 99 % of the gaps below twice the pace. */
async function measurePaced(targets, upstream, rounds, note) {
  await upstream.setPace(TOKEN_PERIOD);
  const isHeld = async (target, connections) => {
    const options = { connections, seconds: 4, warmup: 3, spread: 2, stream: true };
    const { gap, errors } = await offer(target, options);
    return gap.p99 < 2 * TOKEN_PERIOD && Object.keys(errors).length === 0;
  };
  const found = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, target] of Object.entries(targets)) {
      if (!target.server) continue;
      const guess = await guessMost(target);
      note('paced streams per CPU s', name, guess);
      found[name] = await findMost(found[name] ?? guess, (count) => isHeld(target, count));
      note('paced streams held', name, found[name]);
    }
  }
  await upstream.setPace(0);
}

/** From the processor time of a few streams. */
async function guessMost(target) {
  const options = { connections: 20, seconds: 3, spread: 1, stream: true };
  const { all, cpu } = await offer(target, options);
  return Math.round((all.events * TOKEN_PERIOD) / 1000 / cpu);
}

/** In steps of 8 %. */
async function findMost(guess, isHeld) {
  const isEnough = await isHeld(guess);
  let count = guess;
  for (let step = 0; step < 12; step++) {
    const next = Math.round(isEnough ? count * 1.08 : count / 1.08);
    if ((await isHeld(next)) !== isEnough) return isEnough ? count : next;
    count = next;
  }
  return count;
}

function printReport(stack, samples, { rounds, seconds }) {
  const rows = Object.entries(samples).map(([what, byName]) => {
    const format = what.startsWith('memory') ? megabytes : formatFigure;
    const cells = ['ours', 'snippet', 'bare', 'upstream'].map((name) => {
      const values = byName[name] ?? [];
      if (values.length < 2) return values.map(format).join() || '–';
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return `${format(quantile(values, 0.5))} (${format(least)}–${format(most)})`;
    });
    return [what, ...cells, ...judge(stack, what, byName)];
  });
  console.log(`\n${stack}, Node ${process.version}: medians of ${rounds} rounds of ${seconds} s`);
  printTable([['', 'ours', 'snippet', 'bare', 'upstream alone', '/ snippet', '/ bare'], ...rows]);
}

/** The ratios of the medians, each with its aim. */
function judge(stack, what, byName) {
  const [word] = what.split(/\W/);
  const isLow = word in AT_MOST;
  const aims = AT_MOST[word] ?? AT_LEAST[stack][word] ?? [];
  return ['snippet', 'bare'].map((name, index) => {
    if (!byName[name]) return '–';
    const ratio = quantile(byName.ours, 0.5) / quantile(byName[name], 0.5);
    const aim = aims[index];
    if (aim === undefined) return ratio.toFixed(2);
    const isMet = isLow ? ratio <= aim : ratio >= aim;
    return `${ratio.toFixed(2)} (${isMet ? '' : 'NOT '}${isLow ? '≤' : '≥'} ${aim})`;
  });
}

function formatFigure(value) {
  return value.toFixed(value < 10 ? 2 : 0);
}
