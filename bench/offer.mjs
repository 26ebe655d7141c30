// The load of bench/speed.mjs, in a process of its own: keep-alive connections that each ask again
// as soon as they have the whole answer. Takes one JSON object as its argument, and prints one:
//   { url, path, body, headers, connections, seconds, warmup, spread, hold }
// The connections begin within `spread` seconds; what ends in the first `warmup` seconds does not
// count. With `hold` it says once all streams have begun, and keeps them until it is ended.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { quantile } from './figures.mjs';

const { url, path, body, headers, connections, seconds, warmup, spread, hold } = JSON.parse(
  process.argv[2],
);
const { hostname, port, host } = new URL(url);
const payload = JSON.stringify(body);
const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
const request = Buffer.from(
  `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${lines.join('')}` +
    `Content-Length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
);
const startedAt = performance.now();
const countFrom = startedAt + 1000 * warmup;
const endAt = countFrom + 1000 * seconds;
const latencies = [];
const gaps = [];
const errors = {};
let begun = 0;
/** Since the start, the warm-up too: what a server's processor time was spent on. */
const all = { answers: 0, events: 0 };

const closed = Array.from({ length: connections }, (_, index) =>
  runConnection((1000 * spread * index) / connections),
);
// All are refused, or the time is over; who is still waiting then did not get an answer in time.
await Promise.race([Promise.all(closed), pause(endAt - startedAt)]);
const figuresOf = (values) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99) });
console.log(
  JSON.stringify({
    all,
    perSecond: latencies.length / seconds,
    latency: figuresOf(latencies),
    gap: figuresOf(gaps),
    errors,
  }),
);
process.exit();

function runConnection(delay) {
  return new Promise((done) => {
    setTimeout(() => {
      const socket = connect({ host: hostname, port, noDelay: true });
      let askedAt = 0;
      const ask = () => {
        askedAt = performance.now();
        socket.write(request);
      };
      const read = createReader((failed, lateGaps) => {
        const now = performance.now();
        all.answers++;
        if (failed) errors[failed] = (errors[failed] ?? 0) + 1;
        else if (now > countFrom && now < endAt) {
          latencies.push(now - askedAt);
          for (const gap of lateGaps) gaps.push(gap);
        }
        ask();
      });
      socket.on('connect', ask);
      socket.on('data', read);
      socket.on('error', ({ code }) => {
        errors[code] = (errors[code] ?? 0) + 1;
      });
      socket.on('close', done);
    }, delay);
  });
}

/** Reads one answer after the other; calls `onEnd` with what is wrong with it, or with its gaps. */
function createReader(onEnd) {
  let head = '';
  let left = 0;
  let tail = '';
  let events = 0;
  let lastAt = 0;
  let gapsOfThis = [];
  return (data) => {
    let start = 0;
    if (!tail && !left) {
      head += data.latin1Slice();
      const end = head.indexOf('\r\n\r\n') + 4;
      if (end < 4) return;
      start = data.length - (head.length - end);
      left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
      events = 0;
      gapsOfThis = [];
    }
    if (left > 0) {
      left -= data.length - start;
      if (left === 0) end();
      return;
    }
    tail = (tail + data.latin1Slice(Math.max(start, data.length - 7))).slice(-7);
    noteEvents(data, start);
    if (tail.endsWith('\r\n0\r\n\r\n')) end();
  };

  function noteEvents(data, start) {
    const now = performance.now();
    for (let at = data.indexOf('data: ', start); at >= 0; at = data.indexOf('data: ', at + 6)) {
      if (events > 0) gapsOfThis.push(now - lastAt);
      else if (++begun === connections && hold) console.log('held');
      lastAt = now;
      events++;
      all.events++;
    }
  }

  function end() {
    const status = head.slice(9, 12);
    // 100 tokens, and how the answer ends.
    const isShort = body.stream && events < 101;
    [head, tail, left] = ['', '', 0];
    onEnd(status === '200' ? isShort && 'truncated' : status, gapsOfThis);
  }
}
