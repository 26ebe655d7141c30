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
  const { generate, log } = await startApp(streaming(chunk('Hel'), bytes));

  const response = await generate({ prompt: 'Hi', stream: true });

  expect(response.statusCode).toBe(200);
  expect(readEvents(response.body)).toEqual([
    { text: 'Hel' },
    { error: expect.objectContaining({ type: `/problems/${slug}`, status: 502 }) },
  ]);
  expect(response.body).not.toContain('upstream words');
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
