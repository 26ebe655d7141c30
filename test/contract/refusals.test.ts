import { expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { LIMITS, PROMPT } from './environment.ts';
import type { Answer } from './http.ts';
import { expectProblem, type Slug } from './problem.ts';

describeServers('refuses', {}, (api) => {
  test.each([
    ['nothing', ''],
    ['half of it', '{"prompt":"x'],
    ['a form', 'prompt=x'],
  ])('what is not JSON: %s', async (_, body) => {
    expectProblem(await post(api, body), 'invalid-json');
  });

  test.each([
    ['text', { 'Content-Type': 'text/plain' }],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['nothing said', {}],
  ])('a content type that is not JSON: %s', async (_, headers) => {
    expectProblem(await post(api, '{"prompt":"x"}', headers), 'unsupported-media-type');
  });

  test.each([
    ['a list', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
  ])('JSON that is not an object: %s', async (_, body) => {
    expectProblem(await post(api, body), 'invalid-request');
  });

  test.each([
    ['none', {}],
    ['an empty one', { prompt: '' }],
    ['white space', { prompt: ' \n\t\u00a0\u3000' }],
    ['a number', { prompt: 1 }],
    ['null', { prompt: null }],
    ['a list', { prompt: [PROMPT] }],
    ['an object', { prompt: { text: PROMPT } }],
    [
      'one character too many',
      { prompt: PROMPT + '🦜'.repeat(LIMITS.promptChars + 1 - PROMPT.length) },
    ],
  ])('a prompt: %s', async (_, fields) => {
    const answer = await post(api, JSON.stringify(fields));
    expect(fieldsOf(answer)).toContain('prompt');
    expect(api.mock.counts.received).toBe(0);
  });

  test('a field that it does not know, whatever is in it', async () => {
    const answer = await api.generate({ prompts: PROMPT });
    expect(fieldsOf(answer)).toContain('prompts');
  });

  test('all that is wrong, at once', async () => {
    const answer = await post(api, '{"prompt":"","prompts":1}');
    expect(fieldsOf(answer).sort()).toEqual(['prompt', 'prompts']);
  });

  test.each([
    ['brackets without end', '['.repeat(LIMITS.bodyBytes)],
    ['deep brackets', `{"prompt":${'['.repeat(1900)}${']'.repeat(1900)}}`],
    ['a number with 4,000 digits', `{"prompt":${'9'.repeat(4000)}}`],
    ['NaN', '{"prompt":NaN}'],
    ['a prototype', '{"prompt":"x","__proto__":{"admin":true}}'],
  ])('what breaks parsers: %s', async (_, body) => {
    const answer = await post(api, body);
    expect([400, 422]).toContain(answer.status);
    expectProblem(answer, answer.status === 400 ? 'invalid-json' : 'invalid-request');
  });

  test.each([
    ['half a character', '{"prompt":"\\ud800"}'],
    ['bytes that are not UTF-8', Buffer.from('{"prompt":"\xff\xfe"}', 'latin1')],
  ])('or takes, as its framework does, %s', async (_, body) => {
    const answer = await post(api, body);
    if (answer.status === 200) return;
    expectProblem(answer, answer.status === 400 ? 'invalid-json' : 'invalid-request');
  });

  test.each([
    ['a little', LIMITS.bodyBytes + 1, false],
    ['a little, in pieces of unknown length', LIMITS.bodyBytes + 1, true],
    ['a lot', 512 * 1024, false],
    ['a lot, in pieces of unknown length', 512 * 1024, true],
  ])('a body over MAX_BODY_BYTES by %s', async (_, size, chunked) => {
    const body = JSON.stringify({ prompt: 'x' }).padEnd(size);
    const answer = await post(api, body, JSON_TYPE, chunked);
    expectProblem(answer, 'too-large');
    expect((await api.send({ path: '/healthz' })).status).toBe(200);
  });

  test.each([false, true])('no body of exactly MAX_BODY_BYTES (in pieces: %s)', async (chunked) => {
    const body = JSON.stringify({ prompt: 'x' }).padEnd(LIMITS.bodyBytes);
    expect((await post(api, body, JSON_TYPE, chunked)).status).toBe(200);
  });

  test.each(['/nowhere', '/generate/more', '/.env', '/%ff'])(
    'a path that is not: %s',
    async (path) => {
      expectProblem(await api.send({ path }), 'not-found');
    },
  );

  test.each([
    ['GET', '/generate', 'POST'],
    ['DELETE', '/generate', 'POST'],
    ['POST', '/healthz', 'GET'],
    ['PUT', '/', 'GET'],
  ])('a wrong method: %s %s', async (method, path, allowed) => {
    const answer = await api.send({ method, path });
    expectProblem(answer, 'method-not-allowed');
    expect(answer.headers.allow?.split(/, */)).toContain(allowed);
    expect(answer.headers.allow?.split(/, */)).not.toContain(method);
  });

  test('under the X-Request-Id of the caller', async () => {
    const headers = { 'X-Request-Id': 'caller-1' };
    const answers = await Promise.all([
      api.send({ path: '/nowhere', headers }),
      api.send({ path: '/generate', headers }),
      post(api, '{', { ...JSON_TYPE, ...headers }),
      post(api, '{}', { ...JSON_TYPE, ...headers }),
      post(api, '{}', headers),
    ]);
    const slugs: Slug[] = [
      'not-found',
      'method-not-allowed',
      'invalid-json',
      'invalid-request',
      'unsupported-media-type',
    ];
    for (const [index, answer] of answers.entries()) {
      expect(expectProblem(answer, slugs[index] as Slug).request_id).toBe('caller-1');
    }
  });
});

describeServers('refuses as well', { layout: 'simple' }, (api) => {
  test.each(['system', 'model', 'temperature', 'max_tokens', 'stream'])('%s', async (field) => {
    expect(fieldsOf(await api.generate({ [field]: 'x' }))).toEqual([field]);
  });
});

describeServers('refuses as well', { layout: 'async' }, (api) => {
  test.each([
    { system: 1 },
    { model: 'not-allowed' },
    { model: 1 },
    { temperature: -0.1 },
    { temperature: 2.1 },
    { temperature: 'hot' },
    { temperature: '1' },
    { max_tokens: 0 },
    { max_tokens: 1.5 },
    { max_tokens: '5' },
    { max_tokens: LIMITS.outputTokens + 1 },
    { stream: 'yes' },
    { stream: 1 },
  ])('%o', async (fields) => {
    expect(fieldsOf(await api.generate(fields))).toEqual(Object.keys(fields));
    expect(api.mock.counts.received).toBe(0);
  });

  test('a bad request for a stream, with a real status', async () => {
    expect(fieldsOf(await api.generate({ stream: true, prompt: ' ' }))).toEqual(['prompt']);
  });
});

const JSON_TYPE = { 'Content-Type': 'application/json' };

function post(
  api: Api,
  body: string | Buffer,
  headers: Record<string, string> = JSON_TYPE,
  chunked = false,
): Promise<Answer> {
  return api.send({ method: 'POST', path: '/generate', headers, body, chunked });
}

/** The fields that a 422 complains of, each once: one may be wrong in two ways. */
function fieldsOf(answer: Answer): string[] {
  const { errors = [] } = expectProblem(answer, 'invalid-request');
  return [...new Set(errors.map(({ field }) => field))];
}
