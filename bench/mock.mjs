// node bench/mock.mjs: how many answers a second the mock gives on one core, beside a bare
// node:http server in the same run. Loopback only; each round is bounded in requests and in time.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const CONNECTIONS = 64;
const ROUNDS = 5;
const REQUESTS = 20_000;
const SECONDS = 5;

const prompt = { role: 'user', content: 'What is the capital of France?' };
const plain = { model: 'gpt-4o', messages: [prompt] };
const cases = [
  { name: 'hello (bare node:http)', server: 'hello', body: plain },
  { name: 'mock, plain chat', server: 'mock', body: plain },
  { name: 'mock, streamed chat', server: 'mock', body: { ...plain, stream: true } },
];

const servers = { hello: await start('hello'), mock: await start('mock') };
const results = new Map(cases.map((one) => [one, []]));
for (const one of cases) await measure(one); // warm up, and throw away
// Rounds are interleaved, so that a busy moment of the machine hits all alike.
for (let round = 0; round < ROUNDS; round++) {
  for (const one of cases) results.get(one).push(await measure(one));
}
for (const { child } of Object.values(servers)) child.disconnect();
report();

async function start(name) {
  const child = fork(fileURLToPath(new URL('mock-server.mjs', import.meta.url)), [name]);
  child.on('exit', (code) => {
    if (code) throw new Error(`the server ${name} ended with code ${code}`);
  });
  const [{ port }] = await once(child, 'message');
  return { child, port };
}

async function readCpu({ child }) {
  child.send('cpu');
  const [{ cpu }] = await once(child, 'message');
  return (cpu.user + cpu.system) / 1e6;
}

async function measure({ server, body }) {
  const target = servers[server];
  const cpu = await readCpu(target);
  const began = performance.now();
  const answers = await load(target.port, JSON.stringify(body), body.stream === true);
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: answers / seconds, perCpuSecond: answers / ((await readCpu(target)) - cpu) };
}

/** Keep-alive connections that each ask again as soon as they have the whole answer. */
async function load(port, body, chunked) {
  const request =
    `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
    'Content-Type: application/json\r\nAuthorization: Bearer sk-bench\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const deadline = performance.now() + 1000 * SECONDS;
  let asked = 0;
  let answered = 0;

  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1');
      const more = () => asked < REQUESTS && performance.now() < deadline;
      const ask = () => {
        asked++;
        socket.write(request);
      };
      let text = '';
      socket.setNoDelay(true).setEncoding('latin1');
      socket.on('connect', ask);
      socket.on('data', (data) => {
        text += data;
        if (!isWhole(text, chunked)) return;
        if (!text.startsWith('HTTP/1.1 200')) throw new Error(`unexpected answer: ${text}`);
        text = '';
        answered++;
        if (more()) ask();
        else socket.end();
      });
      await once(socket, 'close');
    }),
  );
  return answered;
}

function isWhole(text, chunked) {
  if (chunked) return text.endsWith('\r\n0\r\n\r\n');
  const end = text.indexOf('\r\n\r\n') + 4;
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  return end > 3 && text.length - end === Number(length);
}

function report() {
  const base = summarize(results.get(cases[0]));
  for (const one of cases) {
    const { perSecond, perCpuSecond } = summarize(results.get(one));
    const ratio = (perCpuSecond / base.perCpuSecond).toFixed(2);
    console.log(
      `${one.name.padEnd(24)}${format(perSecond)} answers/s${format(perCpuSecond)} per second of ` +
        `processor time, ${ratio} of hello`,
    );
  }
  console.log(`medians of ${ROUNDS} rounds, ${CONNECTIONS} connections, Node ${process.version}`);
}

function summarize(rounds) {
  const median = (key) => rounds.map((round) => round[key]).sort((a, b) => a - b)[ROUNDS >> 1];
  return { perSecond: median('perSecond'), perCpuSecond: median('perCpuSecond') };
}

function format(value) {
  return Math.round(value).toLocaleString('en').padStart(9);
}
