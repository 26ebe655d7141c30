// What bench/speed.mjs measures of a server, and with what: `llm-api bench` as the load, and one
// upstream for all, both on the core that the server does not have.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { begin } from './clients.mjs';
import { readCpu, readMemory } from './figures.mjs';
import { CALLER_KEY, pinTo, startServer } from './servers.mjs';

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const CONNECTIONS = 64;
const TOKEN_PERIOD = 20;
/** 103 events: the opening, 100 tokens, the reason of the end and the usage. */
const STREAM_SECONDS = (101 * TOKEN_PERIOD) / 1000;
const OPEN_STREAMS = 500;
const prompt = 'What is the capital of France?';
export const MEASURES = {
  plain: measurePlain,
  streams: measureStreams,
  latency: measureLatency,
};

/** Values by what was measured, and of whom. */
export function createSamples() {
  const samples = {};
  const note = (what, name, value) => {
    samples[what] ??= {};
    samples[what][name] ??= [];
    samples[what][name].push(value);
  };
  return { samples, note };
}

/** Each round measures all targets in turn; the upstream itself is the first of them. */
export async function runRounds(measures, targets, { rounds, seconds }, note) {
  for (let round = 0; round <= rounds; round++) {
    for (const measure of measures) {
      const direct = {};
      for (const [name, target] of Object.entries(targets)) {
        // The first round warms up.
        const tell = round === 0 ? () => {} : (what, value) => note(what, name, value);
        await MEASURES[measure](target, seconds, tell, direct);
      }
    }
  }
}

export async function startUpstream() {
  const file = fileURLToPath(new URL('upstream.mjs', import.meta.url));
  const [execPath, execArgv] = pinTo(LOAD_CORE, process.execPath, []);
  const child = fork(file, { execPath, execArgv });
  const [{ port }] = await once(child, 'message');
  const url = `http://127.0.0.1:${port}`;
  return {
    url: `${url}/v1`,
    faults: [],
    target: { url: `${url}/v1/chat/completions`, body: { prompt } },
    async setPace(pace) {
      child.send({ pace });
      await once(child, 'message');
    },
    close: () => child.disconnect(),
  };
}

export async function startTarget(contestant, upstream) {
  const server = await startServer(contestant, upstream, contestant.env, SERVER_CORE);
  const { path = '/generate', body = { prompt }, headers } = contestant;
  return { server, url: server.url + path, body, headers };
}

/** What `llm-api bench` saw, and the processor time that it cost the server. */
async function offer(target, flags) {
  const load = startLoad(target, ['--json', ...flags]);
  const cpu = target.server && readCpu(target.server.pid);
  // It ends with 1 where nothing was answered in time, and tells so in the same document.
  const { stdout } = await load.catch((failed) => failed);
  const result = JSON.parse(stdout);
  if (result.failed > 0)
    console.error(`  ${result.failed} failed: ${JSON.stringify(result.errors)}`);
  return { ...result, cpu: target.server && readCpu(target.server.pid) - cpu };
}

function startLoad({ url, body, headers = {} }, flags) {
  const bin = fileURLToPath(new URL('../bin/llm-api.js', import.meta.url));
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = [bin, 'bench', url, '--body', JSON.stringify(body), ...lines, ...flags.map(String)];
  const env = { ...process.env, LLM_API_KEY: CALLER_KEY };
  return promisify(execFile)(...pinTo(LOAD_CORE, process.execPath, args), { env });
}

function toStream(target) {
  return { ...target, body: { ...target.body, stream: true } };
}

function asFastAsItGoes(seconds) {
  return ['-c', CONNECTIONS, '-d', seconds, '--warmup', 0];
}

async function measurePlain(target, seconds, tell) {
  tellRate('plain answers', await offer(target, asFastAsItGoes(seconds)), tell);
}

async function measureStreams(target, seconds, tell) {
  const flags = ['--stream', ...asFastAsItGoes(seconds)];
  tellRate('streams', await offer(toStream(target), flags), tell);
}

function tellRate(what, { requestsPerSecond, requests, cpu }, tell) {
  tell(`${what}/s`, requestsPerSecond);
  if (cpu) tell(`${what} per CPU s`, requests / cpu);
}

/** `direct` carries the upstream's own time from the first target to the others. */
async function measureLatency(target, seconds, tell, direct) {
  const { latency } = await offer(target, ['-c', 1, '-d', seconds, '--warmup', 0.5]);
  if (!target.server) Object.assign(direct, latency);
  else for (const p of ['p50', 'p99']) tell(`added latency, ${p} ms`, latency[p] - direct[p]);
}

/** Memory with that many streams open, each of which has begun. */
export async function holdStreams(target, upstream) {
  await upstream.setPace(1000);
  const calls = Array.from({ length: OPEN_STREAMS }, () =>
    begin(target.server.url, { fields: toStream(target).body }),
  );
  await Promise.all(calls.map(({ began }) => began));
  await pause(1000);
  const bytes = readMemory(target.server.pid);
  for (const call of calls) call.leave();
  const answers = await Promise.all(calls.map(({ answer }) => answer));
  const refused = answers.filter(({ status }) => status !== 200).length;
  if (refused > 0) throw new Error(`${refused} of ${OPEN_STREAMS} streams were not open`);
  await upstream.setPace(0);
  return bytes;
}

/** The most streams that a server passes on in time: 99 % of the gaps below twice the pace. */
export async function measurePaced(targets, upstream, rounds, note) {
  await upstream.setPace(TOKEN_PERIOD);
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

/** They begin one after the other, so that so many are open at any time. */
function pacedFlags(streams, seconds) {
  const rate = streams / STREAM_SECONDS;
  return ['--stream', '--rate', rate, '-c', 2 * streams, '-d', seconds, '--warmup', 2.5];
}

/** Once of three times: a moment in which the machine does something else only ever takes away. */
async function isHeld(target, streams) {
  for (let attempt = 0; attempt < 3; attempt++) {
    const { gap, failed } = await offer(toStream(target), pacedFlags(streams, 3));
    if (gap?.p99 < 2 * TOKEN_PERIOD && failed === 0) return true;
  }
  return false;
}

/** From the processor time that a few streams take once they are under way. */
async function guessMost(target) {
  const [streams, seconds] = [20, 3];
  const load = startLoad(toStream(target), pacedFlags(streams, 1 + seconds));
  await pause(3000);
  const cpu = readCpu(target.server.pid);
  await pause(1000 * seconds);
  const most = Math.round((streams * seconds) / (readCpu(target.server.pid) - cpu));
  await load;
  return most;
}

/** To within 5 %: by a third up or down until the answer changes, then by halves of what is left. */
async function findMost(guess, holds) {
  let [held, lost, count] = [0, Infinity, guess];
  while (lost > 1.05 * held && lost - held > 1) {
    if (await holds(count)) held = count;
    else lost = count;
    if (lost === Infinity) count = Math.round(1.33 * held);
    else count = Math.round(held === 0 ? lost / 1.33 : (held + lost) / 2);
  }
  return held;
}
