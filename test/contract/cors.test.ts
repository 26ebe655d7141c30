import { expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS } from './environment.ts';
import type { Answer } from './http.ts';
import { expectProblem } from './problem.ts';

const APP = 'https://app.example';
const OTHER = 'http://localhost:3000';
const STRANGER = 'https://evil.example';

describeServers('pages of other origins', { layout: 'async' }, (api) => {
  test('may read nothing unless CORS_ORIGINS names theirs', async () => {
    const answers = [await preflight(api, APP), await api.generate({}, { Origin: APP })];
    answers.push(await api.send({ path: '/healthz', headers: { Origin: APP } }));
    for (const { headers } of answers) expect(corsHeaders(headers)).toEqual([]);
    expect(answers.map(({ status }) => status)).toEqual([405, 200, 200]);
    expectProblem(answers[0] as Answer, 'method-not-allowed');
  });
});

describeServers(
  'pages of the origins of CORS_ORIGINS',
  {
    layout: 'async',
    command: 'own',
    env: { CORS_ORIGINS: `${APP}, ${OTHER}`, API_KEYS: CALLER_KEYS[0], RATE_LIMIT: '100/minute' },
  },
  (api) => {
    test.each([APP, OTHER])('may ask, from %s', async (origin) => {
      const { status, headers } = await preflight(api, origin);
      expect([200, 204]).toContain(status);
      expect(headers['access-control-allow-origin']).toBe(origin);
      expect(list(headers['access-control-allow-methods'])).toContain('post');
      expect(list(headers['access-control-allow-headers'])).toEqual(
        expect.arrayContaining(['authorization', 'content-type', 'x-request-id']),
      );
      expect(headers.vary?.toLowerCase()).toContain('origin');
    });

    test('may read answers, errors and what they need of the headers', async () => {
      const answers = [
        await api.generate({}, { ...bearer(CALLER_KEYS[0]), Origin: APP }),
        await api.generate({ stream: true }, { ...bearer(CALLER_KEYS[0]), Origin: APP }),
        await api.generate({ prompt: '' }, { ...bearer(CALLER_KEYS[0]), Origin: APP }),
        await api.generate({}, { Origin: APP }),
        await api.send({ path: '/nowhere', headers: { Origin: APP } }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 422, 401, 404]);
      for (const { headers } of answers) {
        expect(headers['access-control-allow-origin']).toBe(APP);
        expect(headers.vary?.toLowerCase()).toContain('origin');
        expect(headers['access-control-allow-credentials']).toBeUndefined();
        expect(list(headers['access-control-expose-headers'])).toEqual(
          expect.arrayContaining(['x-request-id', 'retry-after', 'ratelimit', 'ratelimit-policy']),
        );
      }
    });

    test.each([STRANGER, `${APP}.evil.example`, 'https://app.example:8443', 'null'])(
      'but not those of %s',
      async (origin) => {
        const asked = await preflight(api, origin);
        const answer = await api.generate({}, { ...bearer(CALLER_KEYS[0]), Origin: origin });
        for (const { headers } of [asked, answer]) {
          expect(headers['access-control-allow-origin']).toBeUndefined();
        }
      },
    );
  },
);

describeServers(
  'CORS_ORIGINS=*',
  { layout: 'async', command: 'own', env: { CORS_ORIGINS: '*' } },
  (api) => {
    test('is every origin, without its cookies', async () => {
      for (const answer of [
        await preflight(api, STRANGER),
        await api.generate({}, { Origin: STRANGER }),
      ]) {
        const { 'access-control-allow-origin': allowed } = answer.headers;
        expect(['*', STRANGER]).toContain(allowed);
        expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      }
    });
  },
);

function preflight(api: Api, origin: string): Promise<Answer> {
  return api.send({
    method: 'OPTIONS',
    path: '/generate',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type,x-request-id',
    },
  });
}

function corsHeaders(headers: Answer['headers']): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'));
}

function list(value: unknown): string[] {
  return String(value).toLowerCase().split(/, */);
}
