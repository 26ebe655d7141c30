import type { IncomingHttpHeaders } from 'node:http';
import { expect, test, vi } from 'vitest';
import { addOpenAi } from '../src/openai.js';
import { answer, chunk, sendJson, startApp, streaming } from './support.js';

const messages = [{ role: 'user', content: 'Hi' }];
const asked = { model: 'test-model', messages };

async function startChat(play: Parameters<typeof startApp>[0], env = {}) {
  const started = await startApp(play, env, { addOpenAi });
  const chat = (payload: object, headers = {}) =>
    started.app.inject({ method: 'POST', url: '/v1/chat/completions', payload, headers });
  return { ...started, chat };
}

test('an answer is passed on byte for byte, and counted', async () => {
  const body = '{ "choices":[{}],\n"usage":{"prompt_tokens":9,"completion_tokens":2}, "π":1e2 }';
  const { chat, log } = await startChat((response) => void response.end(body));

  const response = await chat(asked);

  expect(response.statusCode).toBe(200);
  expect(response.body).toBe(body);
  await vi.waitFor(() =>
    expect(log.at(-1)).toMatchObject({ input_tokens: 9, output_tokens: 2, outcome: 'ok' }),
  );
});

test.each(['\n', '\r\n'])('a stream is passed on byte for byte, lines ended by %j', async (end) => {
  const events = [': hello\n\n', chunk('Zürich 🦜'), chunk('', 'stop'), 'data: [DONE]\n\n']
    .join('')
    .replaceAll('\n', end);
  const { chat } = await startChat((response) => {
    // One byte at a time: no border of a piece is one of an event or of a character.
    for (const byte of Buffer.from(events)) response.write(Buffer.of(byte));
    response.end();
  });

  const response = await chat({ ...asked, stream: true });

  expect(response.headers['content-type']).toBe('text/event-stream');
  expect(response.body).toBe(events);
});

test('the provider gets all that was asked, a cap on the tokens, and our key', async () => {
  let headers: IncomingHttpHeaders = {};
  const { chat, calls } = await startChat(
    (response, request) => {
      headers = request.headers;
      answer(response, request);
    },
    { API_KEYS: 'callers-key' },
  );
  const more = { tools: [{ type: 'function' }], unknown: null };

  await chat({ ...asked, ...more }, { authorization: 'Bearer callers-key' });

  expect(calls).toEqual([{ ...asked, ...more, max_completion_tokens: 4096 }]);
  expect(headers.authorization).toBe('Bearer sk-secret');
});

test.each([
  [{ ...asked, n: 2 }, 400, 'invalid-request', 'n'],
  [{ ...asked, max_tokens: 4097 }, 400, 'invalid-request', 'max_tokens'],
  [{ ...asked, messages: [] }, 400, 'invalid-request', 'messages'],
  [{ ...asked, messages: [{ content: 'long enough' }] }, 400, 'invalid-request', 'messages'],
  [{ ...asked, tools: [{ name: 'long enough' }] }, 400, 'invalid-request', 'messages'],
  [{ ...asked, model: 'unknown' }, 404, 'model_not_found', null],
  [[], 400, 'invalid-request', null],
])('%j is %i %s', async (payload, status, code, param) => {
  const { chat, calls, log } = await startChat(answer, { MAX_PROMPT_CHARS: '10' });

  const response = await chat(payload);

  expect(response.statusCode).toBe(status);
  expect(response.json()).toEqual({
    error: { message: expect.any(String), type: 'invalid_request_error', param, code },
  });
  await vi.waitFor(() => expect(log.at(-1)).toMatchObject({ status, outcome: code }));
  expect(calls).toEqual([]);
});

test('what is nested too deep to be written again is refused', async () => {
  const { app } = await startChat(answer);
  const headers = { 'content-type': 'application/json' };
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const payload = JSON.stringify({ ...asked, unknown: 'here' }).replace('"here"', deep);

  const url = '/v1/chat/completions';
  const response = await app.inject({ method: 'POST', url, headers, payload });

  expect(response.statusCode).toBe(400);
  expect(response.json().error.code).toBe('invalid-json');
});

test.each([{ stream: false }, { stream: true }])(
  'a failure before the first event is a status: %j',
  async ({ stream }) => {
    const { chat } = await startChat((response) => sendJson(response, { error: 'words' }, 401));

    const response = await chat({ ...asked, stream });

    expect(response.statusCode).toBe(502);
    expect(response.headers['x-should-retry']).toBe('false');
    expect(response.json().error).toMatchObject({
      type: 'server_error',
      code: 'upstream-misconfigured',
    });
  },
);

test.each([
  ['an error event', 'data: {"error":{"message":"words"}}\n\n', 'upstream-failed'],
  ['no end', '', 'upstream-truncated'],
  ['half an event', 'data: {"choices":', 'upstream-failed'],
])('%s ends a stream with an error', async (_name, last, code) => {
  const { chat } = await startChat(streaming(chunk('Hel'), chunk('lo'), last));

  const { body } = await chat({ ...asked, stream: true });

  expect(body.startsWith(chunk('Hel') + chunk('lo'))).toBe(true);
  const [event, ...rest] = body.slice((chunk('Hel') + chunk('lo')).length).split('\n\n');
  expect(rest).toEqual(['']);
  expect(JSON.parse(event?.slice(6) ?? '').error).toMatchObject({ code, type: 'server_error' });
});

test('the models are those that a request may name', async () => {
  const { app } = await startChat(answer, { ALLOWED_MODELS: 'vendor/other' });

  const { object, data } = (await app.inject('/v1/models')).json();
  const one = await app.inject('/v1/models/vendor%2Fother');
  const none = await app.inject('/v1/models/unknown');

  expect(object).toBe('list');
  expect(data).toMatchObject([{ id: 'test-model', object: 'model' }, { id: 'vendor/other' }]);
  expect(one.json()).toEqual(data[1]);
  expect(none.statusCode).toBe(404);
  expect(none.json().error.code).toBe('model_not_found');
});
