// How the benches call a generated server: HTTP, streamed or not, and WebSocket.
import { request } from 'node:http';
import { WebSocket } from 'ws';
import { CALLER_KEY } from './servers.mjs';

const SECONDS = 30;
const AUTHORIZATION = { Authorization: `Bearer ${CALLER_KEY}` };

/**
 * Begins a request. `answer` never rejects: it is the answer, or says why there is none. `began`
 * is fulfilled at the first byte of the answer's body, or at its end where there is none.
 */
export function begin(url, { fields, body = JSON.stringify(fields), headers, agent, ...how }) {
  const { method = 'POST', path = '/generate' } = how;
  const startedAt = performance.now();
  let left = false;
  let begun;
  const began = new Promise((done) => {
    begun = done;
  });
  const call = request(new URL(path, url), {
    method,
    agent,
    headers: {
      ...AUTHORIZATION,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    },
  });
  const answer = new Promise((done) => {
    const settle = (result) => {
      clearTimeout(timer);
      begun();
      done({ ...result, left, ms: performance.now() - startedAt });
    };
    const timer = setTimeout(() => call.destroy(new Error(`nothing for ${SECONDS} s`)), 30_000);
    let isAnswered = false;
    call.on('response', (incoming) => {
      isAnswered = true;
      let text = '';
      incoming.setEncoding('utf8').on('data', (data) => {
        text += data;
        begun();
      });
      const { statusCode: status, headers: answered } = incoming;
      incoming.on('error', () => {});
      incoming.on('close', () => {
        const failed = incoming.complete ? undefined : 'the answer was cut';
        settle({ status, headers: answered, text, failed });
      });
    });
    // An answer may come before all of a refused body has gone: then writing fails, and it counts.
    call.on('error', (error) => {
      if (!isAnswered) settle({ status: 0, headers: {}, text: '', failed: error.message });
    });
  });
  call.end(body);
  return {
    answer,
    began,
    leave() {
      left = true;
      call.destroy();
    },
  };
}

/** A WebSocket at /generate/ws. `ask` is the last message of an answer, or {closed}. */
export async function talk(url) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/generate/ws`, {
    headers: AUTHORIZATION,
  });
  let hear = () => {};
  socket.on('message', (data) => hear(JSON.parse(data.toString())));
  socket.on('close', (code) => hear({ closed: code }));
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  socket.on('error', () => {});
  return {
    /** `began` is called at the first token. */
    ask(fields, began = () => {}) {
      return new Promise((done) => {
        const timer = setTimeout(() => done({ closed: 'nothing in time' }), 1000 * SECONDS);
        hear = (message) => {
          if (message.text !== undefined) return began();
          clearTimeout(timer);
          done(message);
        };
        socket.send(JSON.stringify(fields));
      });
    },
    close: () => socket.close(1000),
    leave: () => socket.terminate(),
  };
}

/** The data of a stream's events: parsed, and `[DONE]` as it is. */
export function parseEvents(text) {
  const lines = text.split('\n').filter((line) => line.startsWith('data: '));
  return lines.map((line) => (line === 'data: [DONE]' ? '[DONE]' : JSON.parse(line.slice(6))));
}

/** What a problem's type ends in. */
export function slugOf(problem) {
  return String(problem?.type).split(/[/:#]/).at(-1);
}

/** The slug of an answer that is a problem. */
export function readSlug({ text, headers }) {
  if (!headers['content-type']?.startsWith('application/problem+json')) return 'no problem';
  return slugOf(JSON.parse(text));
}

/** A metric of the server, its labels added up. */
export async function readMetric(url, name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.match(/^\w+/)?.[0] === name);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
