// The upstream of bench/speed.mjs, in a process of its own. It sends what the mock would, made
// beforehand: the mock itself would take so much of the core it shares with the load that a fast
// server could not be told from a very fast one. A message { pace } sets the milliseconds between
// two tokens of the streams to come; 0, at first, sends all at once.
import { createServer } from 'node:net';

const TOKENS = 100;
const head = '"id":"chatcmpl-bench","object":"chat.completion';
const about =
  '"created":1790000000,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp_bench"';
const usage = `"usage":{"prompt_tokens":8,"completion_tokens":${TOKENS},"total_tokens":${TOKENS + 8}}`;
const text = ' word'.repeat(TOKENS);

const answer =
  `{${head}",${about},"choices":[{"index":0,"message":{"role":"assistant","content":"${text}",` +
  `"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],${usage}}`;
const plain = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${answer.length}\r\n\r\n${answer}`,
);

const renderEvent = (delta, finish) =>
  `data: {${head}.chunk",${about},"choices":[{"index":0,"delta":${delta},"logprobs":null,` +
  `"finish_reason":${finish}}],"usage":null}\n\n`;
// 103 events: one that opens, the tokens, one that says why it ends, and the usage.
const events = [
  renderEvent('{"role":"assistant","content":"","refusal":null}', 'null'),
  ...Array.from({ length: TOKENS }, () => renderEvent('{"content":" word"}', 'null')),
  renderEvent('{}', '"stop"') +
    `data: {${head}.chunk",${about},"choices":[],${usage}}\n\ndata: [DONE]\n\n`,
];
const toChunk = (data) => `${data.length.toString(16)}\r\n${data}\r\n`;
const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n' +
  'Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n';
// Each event in a chunk of its own, as providers send them.
const steps = events.map((event) => Buffer.from(toChunk(event)));
steps[0] = Buffer.concat([Buffer.from(streamHead), steps[0]]);
steps[TOKENS + 1] = Buffer.concat([steps[TOKENS + 1], Buffer.from('0\r\n\r\n')]);
const stream = Buffer.concat(steps);

let pace = 0;
let phase = 0;
process.on('message', (message) => {
  pace = message.pace;
  process.send('set');
});
process.on('disconnect', () => process.exit());

const server = createServer({ noDelay: true }, (socket) => {
  let received = '';
  socket.setEncoding('latin1').on('data', (data) => {
    received += data;
    const start = received.indexOf('\r\n\r\n') + 4;
    const length = /\r\ncontent-length: *(\d+)/i.exec(received)?.[1];
    if (start < 4 || received.length < start + Number(length ?? 0)) return;
    const isStream = /"stream": ?true/.test(received);
    received = '';
    if (isStream && pace > 0) sendPaced(socket);
    else socket.write(isStream ? stream : plain);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

/**
 * A timer comes late: all that is due by now goes out, so that the pace holds. Streams that begin
 * together do not go in step: each has its own phase.
 */
function sendPaced(socket) {
  const period = pace;
  phase = (phase + 0.618 * period) % period;
  const startedAt = performance.now() - phase;
  let sent = 0;
  const sendDue = () => {
    const due = Math.floor((performance.now() - startedAt) / period) + 1;
    while (sent < Math.min(due, steps.length)) socket.write(steps[sent++]);
    if (sent === steps.length || socket.destroyed) return;
    setTimeout(sendDue, startedAt + due * period - performance.now());
  };
  sendDue();
}
