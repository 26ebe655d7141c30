import { describe, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS } from './environment.ts';
import { expectProblem } from './problem.ts';
import { refusal, talk } from './socket.ts';

const APP = 'https://app.example';
const STRANGERS = [
  'https://evil.example',
  `${APP}.evil.example`,
  'https://evil.example/app.example',
  'https://app.example:8443',
  'http://127.0.0.1:1',
  'null',
  '',
];

/** Browsers let any page open a WebSocket to anywhere, and say whose page it is. */
describeServers('a WebSocket without CORS_ORIGINS', { layout: 'async' }, (api) => {
  test.each(STRANGERS)('is not for pages of %j', async (origin) => {
    expectProblem(await refusal(api.url, { Origin: origin }), 'forbidden');
    expect(api.mock.counts.received).toBe(0);
  });

  test('is for pages of its own host', async () => {
    await expectService(api, { Origin: new URL(api.url).origin });
    await expectService(api, { Origin: `https://${new URL(api.url).host}` });
  });

  test('is for those who are no page', async () => {
    await expectService(api, {});
  });

  test.each(['/', '/nowhere', '/generate', '/generate/ws/more', '/healthz'])(
    'is not at %s',
    async (path) => {
      const answer = await refusal(api.url, {}, path);
      expect(answer.status).toBe(404);
      expectProblem(answer, 'not-found');
    },
  );
});

describeServers(
  'a WebSocket with CORS_ORIGINS',
  { layout: 'async', command: 'own', env: { CORS_ORIGINS: `${APP}, http://localhost:3000` } },
  (api) => {
    test.each([APP, 'http://localhost:3000'])('is for pages of %s', async (origin) => {
      await expectService(api, { Origin: origin });
    });

    test.each(STRANGERS)('is not for pages of %j', async (origin) => {
      expectProblem(await refusal(api.url, { Origin: origin }), 'forbidden');
    });
  },
);

describe('a WebSocket', () => {
  const env = { CORS_ORIGINS: '*', API_KEYS: CALLER_KEYS[0] };
  describeServers('with CORS_ORIGINS=*', { layout: 'async', command: 'own', env }, (api) => {
    test('is for any page that has a key', async () => {
      const origin = { Origin: 'https://anybody.example' };
      await expectService(api, { ...origin, ...bearer(CALLER_KEYS[0]) });
      expectProblem(await refusal(api.url, origin), 'unauthorized');
    });
  });
});

async function expectService(api: Api, headers: Readonly<Record<string, string>>): Promise<void> {
  const socket = await talk(api.url, headers);
  socket.ask();
  expect((await socket.ends(1)).at(-1)).toMatchObject({ finish_reason: 'stop' });
  socket.close();
}
