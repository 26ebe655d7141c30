import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { answer, startApp } from './support.js';

const hash = createHash('sha256').update('second').digest('hex');
const keys = { API_KEYS: `first,sha256:${hash}` };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

test.each(['first', 'second'])(
  'the key %s may call, and the log knows it by its hash',
  async (key) => {
    const { generate, log } = await startApp(answer, keys);

    expect((await generate({ prompt: 'Hi' }, bearer(key))).statusCode).toBe(200);
    const expected = createHash('sha256').update(key).digest('hex').slice(0, 8);
    await vi.waitFor(() => expect(log.at(-1)).toMatchObject({ key_id: expected }));
  },
);

test.each([{}, bearer('third'), bearer(hash), { authorization: 'Basic first' }])(
  '%j is 401',
  async (headers) => {
    const { generate, calls } = await startApp(answer, keys);

    const response = await generate({ prompt: 'Hi' }, headers);

    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer');
    expect(response.json().type).toBe('/problems/unauthorized');
    expect(calls).toEqual([]);
  },
);

test('answers tell what is left of the limit, of each key its own', async () => {
  const { generate } = await startApp(answer, { ...keys, RATE_LIMIT: '2/hour' });
  const ask = async (key: string, payload = { prompt: 'Hi' }) => {
    const { statusCode, headers } = await generate(payload, bearer(key));
    return [statusCode, headers.ratelimit, headers['ratelimit-policy'], headers['retry-after']];
  };
  const policy = '"default";q=2;w=3600';

  expect(await ask('first')).toEqual([200, '"default";r=1;t=3600', policy, undefined]);
  expect(await ask('wrong')).toEqual([401, undefined, undefined, undefined]);
  // What is not valid counts as well.
  expect(await ask('first', { prompt: '' })).toEqual([
    422,
    '"default";r=0;t=3600',
    policy,
    undefined,
  ]);
  expect(await ask('first')).toEqual([429, '"default";r=0;t=3600', policy, '3600']);
  expect((await ask('second'))[0]).toBe(200);
});

test.each([
  ['', 429],
  ['127.0.0.0/8', 200],
])('behind the proxies %j another forwarded address is answered %i', async (proxies, status) => {
  const { generate } = await startApp(answer, { RATE_LIMIT: '1/hour', TRUSTED_PROXIES: proxies });

  await generate({ prompt: 'Hi' }, { 'x-forwarded-for': '203.0.113.1' });
  const response = await generate({ prompt: 'Hi' }, { 'x-forwarded-for': '203.0.113.2' });

  expect(response.statusCode).toBe(status);
});

test('only pages of CORS_ORIGINS may read answers', async () => {
  const { app } = await startApp(answer, { CORS_ORIGINS: 'https://app.example.com' });
  const allowed = async (origin: string) =>
    (await app.inject({ url: '/healthz', headers: { origin } })).headers;

  expect(await allowed('https://app.example.com')).toMatchObject({
    'access-control-allow-origin': 'https://app.example.com',
  });
  expect(await allowed('https://evil.example')).not.toHaveProperty('access-control-allow-origin');
});

test.each(['/', '/healthz', '/nowhere', '/%zz'])('%s has the security headers', async (url) => {
  const { app } = await startApp(answer);

  expect((await app.inject(url)).headers).toMatchObject({
    'content-security-policy': "default-src 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  });
});
