import { expect, test } from 'vitest';
import { ask, chat, useMock } from './ask.ts';

const KNOWN = /mock-bad-request, .*mock-drip/;
const user = { role: 'user', content: 'x' };

// path, body, status, what its error says
test.each([
  ['/chat/completions', '{"model":', 400, { message: /could not parse the JSON/, param: null }],
  ['/chat/completions', '', 400, { message: /could not parse the JSON/ }],
  ['/chat/completions', '[]', 400, { param: 'body', code: 'invalid_type' }],
  ['/chat/completions', { messages: [user] }, 400, { message: /must provide a model/ }],
  ['/chat/completions', chat({ model: 4 }), 400, { param: 'model', code: 'invalid_type' }],
  [
    '/chat/completions',
    chat({ model: 'mock-nope' }),
    404,
    { code: 'model_not_found', message: KNOWN },
  ],
  [
    '/chat/completions',
    { model: 'x' },
    400,
    { param: 'messages', code: 'missing_required_parameter' },
  ],
  ['/chat/completions', chat({ messages: 'x' }), 400, { param: 'messages', code: 'invalid_type' }],
  ['/chat/completions', chat({ messages: [] }), 400, { param: 'messages', code: 'empty_array' }],
  ['/chat/completions', chat({ messages: [1] }), 400, { param: 'messages[0]' }],
  ['/chat/completions', chat({ messages: [{ role: 'x' }] }), 400, { param: 'messages[0].role' }],
  [
    '/chat/completions',
    chat({ messages: [{ ...user, content: 5 }] }),
    400,
    { param: 'messages[0].content' },
  ],
  ['/chat/completions', chat({ n: 2 }), 400, { param: 'n', code: 'unsupported_value' }],
  ['/chat/completions', chat({ stream: 'yes' }), 400, { param: 'stream', code: 'invalid_type' }],
  ['/chat/completions', chat({ max_tokens: 0 }), 400, { param: 'max_tokens' }],
  [
    '/chat/completions',
    chat({ max_completion_tokens: 1.5 }),
    400,
    { param: 'max_completion_tokens' },
  ],
  ['/chat/completions', chat({ temperature: 2.1 }), 400, { param: 'temperature' }],
  ['/responses', { model: 'x' }, 400, { param: 'input', code: 'missing_required_parameter' }],
  ['/responses', { model: 'x', input: 5 }, 400, { param: 'input', code: 'invalid_type' }],
  ['/responses', { input: 'x' }, 400, { message: /must provide a model/ }],
  [
    '/responses',
    { model: 'x', input: 'x', max_output_tokens: 0 },
    400,
    { param: 'max_output_tokens' },
  ],
  ['/nope', {}, 404, { message: /^Invalid URL \(POST \/v1\/nope\)/ }],
  ['/nope', undefined, 404, { message: /^Invalid URL \(GET \/v1\/nope\)/ }],
  ['/models/mock-nope', undefined, 404, { code: 'model_not_found', message: KNOWN }],
] as const)('%s with %j is %i', async (path, body, status, { message, ...members }: Expected) => {
  const answer = await ask(await useMock(), path, body);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('x-request-id')).toBe('req_mock_0');
  const { error } = JSON.parse(answer.text);
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  expect(error).toMatchObject({ type: 'invalid_request_error', ...members });
  if (message) expect(error.message).toMatch(message);
});

interface Expected {
  readonly message?: RegExp;
  readonly param?: string | null;
  readonly code?: string;
}

test.each([
  ['GET', '/chat/completions', 'POST'],
  ['DELETE', '/responses', 'POST'],
  ['POST', '/models', 'GET'],
  ['PUT', '/models/gpt-4o', 'GET'],
])('%s %s is 405 and allows %s', async (method, path, allowed) => {
  const answer = await ask(await useMock(), path, undefined, { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe(allowed);
  expect(JSON.parse(answer.text).error).toMatchObject({ code: 'method_not_supported' });
});

test('a body over 16 MiB is 413, and is not kept', async () => {
  const mock = await useMock();
  const answer = await ask(mock, '/chat/completions', 'x'.repeat(16 * 1024 * 1024 + 1));
  expect(answer.status).toBe(413);
  expect(mock.requests[0]?.body).toBeUndefined();
});
