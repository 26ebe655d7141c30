import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chunk, readEvents, startApp, streaming } from './support.js';

const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n';
const DONE = 'data: [DONE]\n\n';

test('a stream carries the pieces, the end and [DONE]', async () => {
  const { generate, calls } = await startApp(
    streaming(chunk(''), chunk('Hel'), chunk('lo'), chunk('', 'stop'), USAGE, DONE),
  );

  const response = await generate({ prompt: 'Hi', stream: true });

  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
    'x-request-id': expect.any(String),
  });
  expect(readEvents(response.body)).toEqual([
    { text: 'Hel' },
    { text: 'lo' },
    {
      finish_reason: 'stop',
      model: 'test-model-1',
      usage: { input_tokens: 9, output_tokens: 2 },
    },
    '[DONE]',
  ]);
  expect(calls[0]).toMatchObject({ stream: true, stream_options: { include_usage: true } });
});

test.each([
  ['alike', ['a', 'a', 'b', ' c', '{}', 'é😀', 'd']],
  [
    'what JSON escapes',
    ['a', '"', '\\', '\n', '"}', '","finish_reason":"x"', '\u0007', '\u2028', 'b'],
  ],
  [
    'words of the events themselves',
    ['content', 'test-model-1', 'delta', 'index', '', 'null', 'a'],
  ],
])('texts that are %s arrive as they are', async (_name, texts) => {
  const { generate } = await startApp(
    streaming(...texts.map((text) => chunk(text)), chunk('', 'stop'), DONE),
  );

  const response = await generate({ prompt: 'Hi', stream: true });

  const sent = texts.filter(Boolean).map((text) => ({ text }));
  expect(readEvents(response.body).slice(0, -2)).toEqual(sent);
});

test('events may come in pieces, in other lines, and each with fields of its own', async () => {
  const events = ['é', '😀', 'x', 'y'].map((text, index) => {
    const choices = [{ delta: { role: text, content: text } }];
    return `: note\r\ndata:  ${JSON.stringify({ choices, index })}\r\n\r\n`;
  });
  const bytes = Buffer.from([...events, chunk('', 'stop'), DONE].join(''));
  const { generate } = await startApp(async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      await setImmediate();
    }
    response.end();
  });

  const response = await generate({ prompt: 'Hi', stream: true });

  const sent = [{ text: 'é' }, { text: '😀' }, { text: 'x' }, { text: 'y' }];
  expect(readEvents(response.body).slice(0, -2)).toEqual(sent);
});

test.each([
  ['reports an error', 'data: {"error":{"message":"upstream words"}}\n\n', 'upstream-failed'],
  ['sends what is not JSON', 'data: <html>\n\n', 'upstream-failed'],
  ['ends', '', 'upstream-truncated'],
])('an upstream that %s before the first token is a status', async (_name, bytes, slug) => {
  const { generate } = await startApp(streaming(chunk(''), bytes));

  const response = await generate({ prompt: 'Hi', stream: true });

  expect(response.statusCode).toBe(502);
  expect(response.json().type).toBe(`/problems/${slug}`);
});

test.each([
  ['reports an error', 'data: {"error":{"message":"upstream words"}}\n\n', 'upstream-failed'],
  ['sends what is not JSON', 'data: <html>\n\n', 'upstream-failed'],
  ['ends', '', 'upstream-truncated'],
])('an upstream that %s later is the last event', async (_name, bytes, slug) => {
  const { app, generate, log } = await startApp(streaming(chunk('Hel'), bytes));

  const response = await generate({ prompt: 'Hi', stream: true });

  expect(response.statusCode).toBe(200);
  expect(readEvents(response.body)).toEqual([
    { text: 'Hel' },
    { error: expect.objectContaining({ type: `/problems/${slug}`, status: 502 }) },
  ]);
  expect(response.body).not.toContain('upstream words');
  // What has ended is told a moment later, or now that nothing more will come.
  await app.close();
  expect(log.at(-1)).toMatchObject({ status: 200, outcome: slug });
});

test('the deadline holds while the upstream drips', async () => {
  const { generate } = await startApp(
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const drip = setInterval(() => response.write(chunk('.')), 10);
      response.once('close', () => clearInterval(drip));
    },
    { REQUEST_TIMEOUT: '0.5' },
  );

  const response = await generate({ prompt: 'Hi', stream: true });

  expect(readEvents(response.body).at(-1)).toMatchObject({
    error: { type: '/problems/upstream-timeout', status: 504 },
  });
});
