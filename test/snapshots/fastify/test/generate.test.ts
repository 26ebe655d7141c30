import { expect, test, vi } from 'vitest';
import { answer, sendJson, startApp } from './support.js';

test('a prompt is answered with text, model, finish reason and usage', async () => {
  const { generate, calls } = await startApp(answer);

  const response = await generate({ prompt: 'Say hello' });

  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({
    text: 'Hello',
    model: 'test-model-1',
    finish_reason: 'stop',
    usage: { input_tokens: 9, output_tokens: 2 },
  });
  expect(calls).toEqual([
    {
      model: 'test-model',
      messages: [{ role: 'user', content: 'Say hello' }],
      max_completion_tokens: 4096,
    },
  ]);
});

test('the optional fields reach the upstream', async () => {
  const { generate, calls } = await startApp(answer, { ALLOWED_MODELS: 'other, another' });

  await generate({
    prompt: 'Hi',
    system: 'Be brief',
    model: 'other',
    temperature: 0,
    max_tokens: 5,
  });

  expect(calls[0]).toEqual({
    model: 'other',
    messages: [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
    ],
    temperature: 0,
    max_completion_tokens: 5,
  });
});

test.each([
  [{}, 'prompt', "must have required property 'prompt'"],
  [{ prompt: '' }, 'prompt', 'must NOT have fewer than 1 characters'],
  [{ prompt: ' \n\u00a0' }, 'prompt', 'must match pattern "\\S"'],
  [{ prompt: 'x'.repeat(11) }, 'prompt', 'must NOT have more than 10 characters'],
  [{ prompt: 5 }, 'prompt', 'must be string'],
  [
    { prompt: 'x', model: 'unknown' },
    'model',
    'must be equal to one of the allowed values: test-model',
  ],
  [{ prompt: 'x', temperature: '1' }, 'temperature', 'must be number'],
  [{ prompt: 'x', max_tokens: 4097 }, 'max_tokens', 'must be <= 4096'],
  [{ prompt: 'x', stream: 1 }, 'stream', 'must be boolean'],
  [{ prompt: 'x', colour: 'red' }, 'colour', 'must NOT have additional properties'],
  [[], 'body', 'must be object'],
])('%j is 422 and names the field', async (payload, field, message) => {
  const { generate, calls } = await startApp(answer, { MAX_PROMPT_CHARS: '10' });

  const response = await generate(payload);

  expect(response.statusCode).toBe(422);
  expect(response.headers['content-type']).toMatch('application/problem+json');
  expect(response.json().type).toBe('/problems/invalid-request');
  expect(response.json().errors).toContainEqual({ field, message });
  expect(calls).toEqual([]);
});

test('the length of a prompt is counted in characters, not in UTF-16 units', async () => {
  const { generate } = await startApp(answer, { MAX_PROMPT_CHARS: '2' });

  expect((await generate({ prompt: '😀😀' })).statusCode).toBe(200);
});

test.each([
  [400, 502, 'upstream-misconfigured'],
  [401, 502, 'upstream-misconfigured'],
  [404, 502, 'upstream-misconfigured'],
  [429, 429, 'upstream-rate-limited'],
  [500, 502, 'upstream-failed'],
])('the upstream answers %i: %i %s, and its words stay with us', async (given, status, slug) => {
  const error = { message: 'upstream words' };
  const { generate } = await startApp((response) => sendJson(response, { error }, given));

  const response = await generate({ prompt: 'Hi' });

  expect(response.statusCode).toBe(status);
  expect(response.json()).toMatchObject({ type: `/problems/${slug}`, status });
  expect(response.body).not.toContain('upstream words');
});

test('the Retry-After of the upstream is passed on, and not waited for', async () => {
  const { generate, calls } = await startApp(
    (response) => void response.writeHead(429, { 'retry-after': '30' }).end(),
    { MAX_RETRIES: '2' },
  );

  const response = await generate({ prompt: 'Hi' });

  expect(response.statusCode).toBe(429);
  expect(response.headers['retry-after']).toBe('30');
  expect(calls).toHaveLength(1);
});

test('a failed call is tried again, as soon as the upstream says', async () => {
  const { generate, calls } = await startApp(
    (response, request) =>
      calls.length > 2
        ? answer(response, request)
        : response.writeHead(503, { 'retry-after': '0' }).end(),
    { MAX_RETRIES: '2' },
  );

  expect((await generate({ prompt: 'Hi' })).json().text).toBe('Hello');
  expect(calls).toHaveLength(3);
});

test.each([
  ['an HTML page', '<html>'],
  ['half of an answer', '{"choices":[{'],
  ['an answer without a choice', '{"choices":[]}'],
  ['an answer without text', '{"choices":[{"message":{"content":null}}]}'],
])('%s is 502 upstream-failed', async (_name, body) => {
  const { generate } = await startApp((response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });

  const response = await generate({ prompt: 'Hi' });

  expect([response.statusCode, response.json().type]).toEqual([502, '/problems/upstream-failed']);
});

test('a connection that breaks is 502 upstream-failed', async () => {
  const { generate, log } = await startApp((_response, request) => request.socket.destroy());

  const response = await generate({ prompt: 'Hi' });

  expect([response.statusCode, response.json().type]).toEqual([502, '/problems/upstream-failed']);
  await vi.waitFor(() =>
    expect(log.at(-1)).toMatchObject({ outcome: 'upstream-failed', reason: 'UND_ERR_SOCKET' }),
  );
});

test.each([
  ['silent', { IDLE_TIMEOUT: '0.05' }],
  ['too slow', { REQUEST_TIMEOUT: '0.05' }],
])('an upstream that is %s is 504 upstream-timeout', async (_name, env) => {
  const { generate } = await startApp(() => undefined, env);

  const response = await generate({ prompt: 'Hi' });

  expect([response.statusCode, response.json().type]).toEqual([504, '/problems/upstream-timeout']);
});

test('without a key it answers 502 upstream-misconfigured and calls nobody', async () => {
  const { generate, calls } = await startApp(answer, { OPENAI_API_KEY: '' });

  const response = await generate({ prompt: 'Hi' });

  expect(response.statusCode).toBe(502);
  expect(response.json().type).toBe('/problems/upstream-misconfigured');
  expect(calls).toEqual([]);
});
