import type { InjectOptions } from 'fastify';
import { expect, test, vi } from 'vitest';
import { answer, startApp } from './support.js';

const json = { 'content-type': 'application/json' };

test('GET / says where the docs are, GET /healthz that the process lives', async () => {
  const { app } = await startApp(answer);

  expect((await app.inject('/')).json().links.docs).toBe('/docs');
  expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' });
});

const generate = { method: 'POST', url: '/generate' } as const;

test.each<[string, InjectOptions, number, string]>([
  ['no such path', { url: '/nowhere' }, 404, 'not-found'],
  ['a path that cannot be decoded', { url: '/%zz' }, 404, 'not-found'],
  ['a wrong method', { url: '/generate' }, 405, 'method-not-allowed'],
  ['not JSON', { ...generate, headers: json, payload: '{"prompt"' }, 400, 'invalid-json'],
  ['an empty body', { ...generate, headers: json }, 400, 'invalid-json'],
  ['no content type', { ...generate, payload: '{"prompt":"Hi"}' }, 415, 'unsupported-media-type'],
  [
    'another content type',
    { ...generate, headers: { 'content-type': 'text/plain' }, payload: '{"prompt":"Hi"}' },
    415,
    'unsupported-media-type',
  ],
  ['a large body', { ...generate, payload: { prompt: 'x'.repeat(200) } }, 413, 'too-large'],
])('%s is a problem', async (_name, request, status, slug) => {
  const { app, log } = await startApp(answer, { MAX_BODY_BYTES: '100' });

  const response = await app.inject({
    ...request,
    headers: { ...request.headers, 'x-request-id': 'mine-1' },
  });

  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toMatch('application/problem+json');
  expect(response.headers['x-request-id']).toBe('mine-1');
  expect(response.json()).toMatchObject({
    type: `/problems/${slug}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    request_id: 'mine-1',
  });
  await vi.waitFor(() => expect(log).toMatchObject([{ level: 'info', status, outcome: slug }]));
});

test.each([
  ['PUT', '/generate', 'POST'],
  ['POST', '/healthz', 'GET, HEAD'],
  ['DELETE', '/docs', 'GET, HEAD'],
] as const)('%s %s is told to use %s', async (method, url, allow) => {
  const { app } = await startApp(answer);

  expect((await app.inject({ method, url })).headers.allow).toBe(allow);
});

test.each(['', 'a b', 'x'.repeat(129), 'é'])('the request id %j is replaced', async (id) => {
  const { app } = await startApp(answer);

  const response = await app.inject({ url: '/healthz', headers: { 'x-request-id': id } });

  expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
});

test('a request is one line in the log, without prompt, answer or key', async () => {
  const { app, log } = await startApp(answer);

  await app.inject({
    ...generate,
    headers: { 'x-request-id': 'mine-1' },
    payload: { prompt: 'Tell nobody' },
  });

  await vi.waitFor(() => expect(log).toHaveLength(1));
  expect(log).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      request_id: 'mine-1',
      method: 'POST',
      route: '/generate',
      status: 200,
      outcome: 'ok',
      duration_ms: expect.any(Number),
      ttft_ms: null,
      model: 'test-model',
      input_tokens: 9,
      output_tokens: 2,
      key_id: null,
      message: 'request',
    },
  ]);
});

test('the OpenAPI document describes every status of POST /generate, and the stream', async () => {
  const { app } = await startApp(answer);

  const { paths } = (await app.inject('/openapi.json')).json();
  const { responses } = paths['/generate'].post;

  expect(Object.keys(paths)).toEqual(['/', '/healthz', '/readyz', '/metrics', '/generate']);
  expect(Object.keys(responses).map(Number)).toEqual([
    200, 400, 401, 413, 415, 422, 429, 500, 502, 503, 504,
  ]);
  expect(Object.keys(responses[200].content)).toEqual(['application/json', 'text/event-stream']);
  expect(Object.keys(responses[429].headers)).toEqual([
    'X-Request-Id',
    'Retry-After',
    'RateLimit',
    'RateLimit-Policy',
  ]);
});

test('the docs load nothing from another host', async () => {
  const { app } = await startApp(answer);

  const page = await app.inject('/docs');

  expect(page.statusCode).toBe(200);
  expect(page.headers['content-security-policy']).toContain("default-src 'none'; ");
  const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(loaded).not.toEqual([]);
  for (const path of loaded) expect((await app.inject(path)).statusCode).toBe(200);
});
