// One turn of a client in the soak: what it asks, what should come of it, and what did.
import { setTimeout as pause } from 'node:timers/promises';
import { begin, parseEvents, readSlug, slugOf, talk } from './clients.mjs';

export const MAX_BODY_BYTES = 16_384;
const FAULTS = 0.1;
const LEAVING = 0.1;
const MALFORMED = 0.05;
const prompt = 'What is the capital of France?';

/** What a fault becomes: before the first token, and after it where it comes so late. */
const EXPECTED = {
  'bad-request': ['upstream-misconfigured'],
  unauthorized: ['upstream-misconfigured'],
  'not-found': ['upstream-misconfigured'],
  'rate-limited': ['upstream-rate-limited'],
  'server-error': ['upstream-failed'],
  unavailable: ['upstream-failed'],
  'reset-before': ['upstream-failed'],
  'not-json': ['upstream-failed'],
  'slow-first-token': ['upstream-timeout'],
  hang: ['upstream-timeout'],
  stall: ['upstream-timeout', 'upstream-timeout'],
  drip: ['upstream-timeout', 'upstream-timeout'],
  'reset-after': ['upstream-failed', 'upstream-failed'],
  truncate: ['upstream-failed', 'upstream-truncated'],
  'error-event': ['upstream-failed', 'upstream-failed'],
};
const STATUSES = {
  'upstream-misconfigured': 502,
  'upstream-rate-limited': 429,
  'upstream-failed': 502,
  'upstream-timeout': 504,
};
/** [status, slug, request] */
const REFUSED = [
  [400, 'invalid-json', { body: '{"prompt":"x' }],
  [401, 'unauthorized', { headers: { Authorization: 'Bearer wrong' } }],
  [404, 'not-found', { path: '/nowhere' }],
  [405, 'method-not-allowed', { method: 'PUT' }],
  [413, 'too-large', { body: JSON.stringify({ prompt }).padEnd(2 * MAX_BODY_BYTES) }],
  [415, 'unsupported-media-type', { headers: { 'Content-Type': 'text/plain' } }],
  [422, 'invalid-request', { fields: {} }],
  [422, 'invalid-request', { fields: { prompt: ' ' } }],
  [422, 'invalid-request', { fields: { prompt, nonsense: 1 } }],
  [422, 'invalid-request', { fields: { prompt, temperature: 9 } }],
];

/** `unexpected` says what is not as the contract has it. */
export async function playTurn(bench) {
  const { random, upstream } = bench;
  const startedAt = performance.now();
  const kind = random();
  const manner = pick(random, ['plain', 'plain', 'stream', 'stream', 'socket']);
  const fault = pick(random, upstream.faults);
  let turn;
  if (kind < MALFORMED) turn = await playMalformed(bench);
  else if (kind < MALFORMED + LEAVING) turn = await playLeaving(bench, manner, fault);
  else if (kind < MALFORMED + LEAVING + FAULTS) turn = await playAnswer(bench, manner, fault);
  else turn = { ...(await playAnswer(bench, manner)), isUndisturbed: true };
  return { ...turn, ms: performance.now() - startedAt };
}

function pick(random, list) {
  return list[Math.floor(random() * list.length)];
}

async function playMalformed({ server, agent, random }) {
  const [status, slug, request] = pick(random, REFUSED);
  const answer = await begin(server.url, { fields: { prompt }, agent, ...request }).answer;
  const isRight = answer.status === status && readSlug(answer) === slug;
  return { outcome: `malformed: ${status} ${slug}`, unexpected: isRight ? '' : describe(answer) };
}

async function playAnswer({ server, agent }, manner, fault) {
  const fields = { prompt, model: fault ? `mock-${fault}` : 'mock' };
  const outcome = fault ? `fault, ${manner}: ${fault}` : `answer, ${manner}`;
  const [before, after] = EXPECTED[fault] ?? [];
  if (manner === 'socket') {
    const socket = await talk(server.url);
    const message = await socket.ask(fields);
    socket.close();
    return { outcome, unexpected: judgeLast(message, after ?? before) };
  }
  const stream = manner === 'stream';
  const answer = await begin(server.url, { fields: { ...fields, stream }, agent }).answer;
  return { outcome, unexpected: judge(answer, stream, before, after) };
}

/** Half of them meet a fault as well. They may leave at any time: while nothing is there, in mid-stream, or when all has been said. */
async function playLeaving({ server, agent, random }, manner, fault) {
  const model = random() < 0.5 ? 'mock' : `mock-${fault}`;
  const waits = random() < 0.5;
  const ms = random() ** 2 * 150;
  const [before, after] = model === 'mock' ? [] : EXPECTED[fault];
  if (manner === 'socket') {
    const socket = await talk(server.url);
    let began;
    const first = new Promise((done) => {
      began = done;
    });
    const last = socket.ask({ prompt, model }, began);
    if (waits) await Promise.race([first, last]);
    await pause(ms);
    socket[random() < 0.5 ? 'leave' : 'close']();
    const message = await last;
    if (message.closed) return { outcome: 'left, socket' };
    return {
      outcome: 'left when all was said, socket',
      unexpected: judgeLast(message, after ?? before),
    };
  }
  const stream = manner === 'stream';
  const call = begin(server.url, { fields: { prompt, model, stream }, agent });
  if (waits && stream) await call.began;
  await pause(ms);
  call.leave();
  const answer = await call.answer;
  if (answer.failed) return { outcome: `left, ${manner}` };
  return {
    outcome: `left when all was said, ${manner}`,
    unexpected: judge(answer, stream, before, after),
  };
}

/** Empty when the answer is right; `before` and `after` are the slugs of a fault. */
function judge(answer, stream, before, after) {
  if (answer.failed) return describe(answer);
  if (before && !(stream && after)) {
    const isRight = answer.status === STATUSES[before] && readSlug(answer) === before;
    return isRight ? '' : describe(answer);
  }
  if (answer.status !== 200) return describe(answer);
  if (!stream) return JSON.parse(answer.text).finish_reason === 'stop' ? '' : describe(answer);
  const events = parseEvents(answer.text);
  if (after) return judgeLast(events.at(-1), after);
  return events.at(-1) === '[DONE]' ? judgeLast(events.at(-2)) : describe(answer);
}

function judgeLast(message, slug) {
  const isRight = slug ? slugOf(message?.error) === slug : message?.finish_reason === 'stop';
  return isRight ? '' : JSON.stringify(message).slice(0, 300);
}

function describe({ status, failed, text }) {
  return `${status} ${failed ?? ''} ${JSON.stringify(text.slice(-300))}`;
}
