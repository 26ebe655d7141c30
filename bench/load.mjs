// node bench/load.mjs: how much `llm-api bench` can offer on one core, plain and streaming. It asks
// a server that does nothing but answer over node:net, on the other core; each figure is what was
// answered per second of the load's own work, so that the load counts and not the server.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { printTable, quantile } from './figures.mjs';

const SECONDS = 3;
const ROUNDS = 5;
const EVENTS = 103;
const cases = [
  { name: 'plain answers', flags: [] },
  { name: `streams of ${EVENTS} events`, flags: ['--stream'] },
];

if (process.argv[2] === 'answer') serve();
else await measure();

/** Every answer is one write of bytes made beforehand. */
function serve() {
  const body = '{"text":"Hello there."}';
  const plain = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const event = chunk('data: {"text":" word"}\n\n');
  const stream =
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n' +
    `${event.repeat(EVENTS)}${chunk('data: [DONE]\n\n')}0\r\n\r\n`;
  const server = createServer({ noDelay: true }, (socket) => {
    // A request comes whole: it is smaller than a packet.
    socket.on('data', (data) => socket.write(data.includes('"stream":true') ? stream : plain));
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('disconnect', () => process.exit());
}

async function measure() {
  const child = fork(fileURLToPath(import.meta.url), ['answer']);
  const [port] = await once(child, 'message');
  const rounds = new Map(cases.map((one) => [one, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of cases) rounds.get(one).push(await offer(port, one.flags));
  }
  child.disconnect();
  const columns = ['per second of work', 'least', 'most', 'as measured', 'busy'];
  const rows = cases.map((one) => {
    const results = rounds.get(one);
    const middle = (key) => quantile(results.map(key), 0.5);
    const offered = results.map(({ offered }) => offered);
    return [
      one.name,
      ...[quantile(offered, 0.5), Math.min(...offered), Math.max(...offered)].map(format),
      format(middle(({ requestsPerSecond }) => requestsPerSecond)),
      `${Math.round(100 * middle(({ generatorBusy }) => generatorBusy))} %`,
    ];
  });
  printTable([['', ...columns], ...rows]);
  console.log(
    `  medians of ${ROUNDS} rounds of ${SECONDS} s, 64 connections, Node ${process.version}`,
  );
}

async function offer(port, flags) {
  const bin = fileURLToPath(new URL('../bin/llm-api.js', import.meta.url));
  const url = `http://127.0.0.1:${port}`;
  const args = [bin, 'bench', url, '--json', '-d', SECONDS, '--warmup', 1, ...flags].map(String);
  const result = JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
  return { ...result, offered: result.requestsPerSecond / result.generatorBusy };
}

function format(value) {
  return Math.round(value).toLocaleString('en');
}
