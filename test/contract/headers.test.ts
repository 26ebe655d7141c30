import { describe, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS, LIMITS } from './environment.ts';
import { type Answer, generate, type Sent } from './http.ts';
import { REQUEST_ID } from './problem.ts';

const ON_EVERY_ANSWER = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
};
const KEY = bearer(CALLER_KEYS[0]);
const STREAM: Sent = generate({ stream: true }, KEY);
const TOO_LARGE = { ...generate({}, KEY), body: 'x'.repeat(LIMITS.bodyBytes + 1) };

const ANSWERS: readonly (readonly [string, number, Sent])[] = [
  ['an answer', 200, generate({}, KEY)],
  ['a stream', 200, STREAM],
  ['/', 200, {}],
  ['/healthz', 200, { path: '/healthz' }],
  ['/readyz', 200, { path: '/readyz' }],
  ['/metrics', 200, { path: '/metrics' }],
  ['/openapi.json', 200, { path: '/openapi.json' }],
  ['invalid-json', 400, { ...generate({}, KEY), body: '{' }],
  ['unauthorized', 401, generate()],
  ['not-found', 404, { path: '/nowhere' }],
  ['a path that cannot be decoded', 404, { path: '/%ff' }],
  ['method-not-allowed', 405, { path: '/generate' }],
  ['too-large', 413, TOO_LARGE],
  ['unsupported-media-type', 415, generate({}, { ...KEY, 'Content-Type': 'text/plain' })],
  ['invalid-request', 422, generate({ prompt: '' }, KEY)],
];

describeServers(
  'headers',
  { layout: 'async', command: 'own', env: { API_KEYS: CALLER_KEYS[0] } },
  (api) => {
    describe('for browsers', () => {
      test.each(ANSWERS)('with %s (%i)', async (_, status, sent) => {
        const answer = await api.send(sent);
        expect(answer.status).toBe(status);
        expect(answer.headers).toMatchObject(ON_EVERY_ANSWER);
        expect(answer.headers['x-request-id']).toMatch(REQUEST_ID);
        expect(directives(answer)).toContain("default-src 'none'");
      });

      test('with an upstream’s failure', async () => {
        api.mock.setFault('unauthorized');
        const answer = await api.generate({}, KEY);
        expect(answer.status).toBe(502);
        expect(answer.headers).toMatchObject(ON_EVERY_ANSWER);
      });

      test('with the docs, whose page may load what it needs from here and nothing else', async () => {
        const answer = await readPage(api, '/docs');
        expect(answer.headers).toMatchObject(ON_EVERY_ANSWER);
        expect(directives(answer)).toContain("default-src 'none'");
        const sources = directives(answer).flatMap((directive) => directive.split(' ').slice(1));
        for (const source of sources) expect(source).toMatch(/^('.+'|data:|blob:)$/);
        expect(sources).not.toContain("'unsafe-eval'");
      });
    });

    test('keep answers out of caches', async () => {
      for (const sent of [generate({}, KEY), generate(), generate({ prompt: '' }, KEY)]) {
        expect((await api.send(sent)).headers['cache-control']).toBe('no-store');
      }
      expect((await api.send(STREAM)).headers['cache-control']).toBe('no-cache');
    });

    test('do not say who made the server', async () => {
      const { headers } = await api.generate({}, KEY);
      expect(headers.server).toBeUndefined();
      expect(headers['x-powered-by']).toBeUndefined();
    });

    test('pass X-Request-Id on to the upstream', async () => {
      for (const stream of [false, true]) {
        await api.generate({ stream }, { ...KEY, 'X-Request-Id': `passed-${stream}` });
        expect(api.mock.requests.at(-1)?.headers['x-request-id']).toBe(`passed-${stream}`);
      }
      const { headers } = await api.generate({}, KEY);
      expect(api.mock.requests.at(-1)?.headers['x-request-id']).toBe(headers['x-request-id']);
    });

    test('pass nothing else of the caller’s on to the upstream', async () => {
      await api.generate({}, { ...KEY, Cookie: 'session=1', 'X-Canary': 'caller' });
      const { headers } = api.mock.requests.at(-1) ?? {};
      expect(headers).not.toHaveProperty('cookie');
      expect(headers).not.toHaveProperty('x-canary');
    });
  },
);

function directives({ headers }: Answer): string[] {
  return String(headers['content-security-policy']).split(/; */);
}

/** A page, after the redirect that some frameworks answer first. */
async function readPage(api: Api, path: string): Promise<Answer> {
  const answer = await api.send({ path });
  const { location } = answer.headers;
  if (answer.status < 300 || !location) return answer;
  return readPage(api, new URL(location, 'http://this.server').pathname);
}
