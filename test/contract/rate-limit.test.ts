import { expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS } from './environment.ts';
import { type Answer, generate, type Sent } from './http.ts';
import { readMetrics, total } from './metrics.ts';
import { expectProblem, type Problem } from './problem.ts';
import { talk } from './socket.ts';

const KEYS = [...CALLER_KEYS, 'third-key', 'fourth-key', 'fifth-key', 'sixth-key'] as const;
const [ALICE, BOB, CAROL, DAVE, ERIN, FRANK] = KEYS;

describeServers(
  'three a minute for each key',
  {
    layout: 'async',
    command: 'own',
    env: { API_KEYS: KEYS.join(','), RATE_LIMIT: '3/minute' },
  },
  (api) => {
    test('counts down, then refuses and says until when', async () => {
      for (const rest of [2, 1, 0]) {
        const answer = await api.generate({ stream: rest === 1 }, bearer(ALICE));
        expect(answer.status).toBe(200);
        expectLimit(answer, { quota: 3, window: 60, rest });
        expect(answer.headers['retry-after']).toBeUndefined();
      }
      const refused = await api.generate({}, bearer(ALICE));
      expectRefused(refused, { quota: 3, window: 60, rest: 0 });
      expect(api.mock.counts.received).toBe(3);
      const shed = { reason: 'rate-limited' };
      expect(total(await readMetrics(api.url), 'llm_api_shed_total', shed)).toBe(1);
    });

    test('counts each key by itself', async () => {
      await useUp(api, bearer(BOB), 3);
      expectLimit(await api.generate({}, bearer(CAROL)), { quota: 3, window: 60, rest: 2 });
    });

    test('counts what is wrong as well, and what fails', async () => {
      api.mock.setFault('unauthorized');
      const failed = await api.generate({}, bearer(DAVE));
      expectProblem(failed, 'upstream-misconfigured');
      expectLimit(failed, { quota: 3, window: 60, rest: 2 });
      const wrong = await api.generate({ prompt: '' }, bearer(DAVE));
      expectProblem(wrong, 'invalid-request');
      expectLimit(wrong, { quota: 3, window: 60, rest: 1 });
      const { headers } = generate({}, bearer(DAVE));
      const half = { method: 'POST', path: '/generate', headers: headers ?? {}, body: '{' };
      expectProblem(await api.send(half), 'invalid-json');
      expectProblem(await api.send(half), 'rate-limited');
    });

    test('takes nothing from a key for a stranger’s attempts', async () => {
      for (let attempt = 0; attempt < 5; attempt++) {
        const answer = await api.generate({}, bearer(`${ERIN}x`));
        expectProblem(answer, 'unauthorized');
      }
      expectLimit(await api.generate({}, bearer(ERIN)), { quota: 3, window: 60, rest: 2 });
    });

    test('counts the messages of a WebSocket, which stays', async () => {
      const socket = await talk(api.url, bearer(FRANK));
      for (const count of [1, 2, 3, 4]) {
        socket.ask();
        await socket.ends(count);
      }
      expect(socket.said.filter(({ finish_reason }) => finish_reason)).toHaveLength(3);
      const { error } = socket.said.at(-1) as { error: Problem };
      expect(error.type).toBe('/problems/rate-limited');
      expectProblem(await api.generate({}, bearer(FRANK)), 'rate-limited');
      socket.close();
    });

    test('limits nothing else', async () => {
      const answer = await api.send({ path: '/healthz', headers: bearer(ALICE) });
      expect(answer.status).toBe(200);
      expect(answer.headers.ratelimit).toBeUndefined();
    });
  },
);

describeServers(
  'two a second',
  { layout: 'async', command: 'own', env: { RATE_LIMIT: '2/second' } },
  (api) => {
    test('serves again when Retry-After has passed', async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => api.generate()));
      const refused = answers.find(({ status }) => status === 429);
      expectRefused(refused as Answer, { quota: 2, window: 1, rest: 0 });
      const seconds = Number(refused?.headers['retry-after']);
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      expect((await api.generate()).status).toBe(200);
    });
  },
);

describeServers(
  'by address',
  { layout: 'async', command: 'own', env: { RATE_LIMIT: '2/minute' } },
  (api) => {
    test('whatever X-Forwarded-For says', async () => {
      await useUp(api, {}, 2);
      for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded']) {
        const value = name === 'Forwarded' ? 'for=203.0.113.9' : '203.0.113.9';
        expectProblem(await api.generate({}, { [name]: value }), 'rate-limited');
      }
    });

    // Only there is all of 127.0.0.0/8 an address of this machine without further ado.
    test.skipIf(process.platform === 'darwin')('each by itself', async () => {
      expectProblem(await api.generate(), 'rate-limited');
      expectLimit(await ask(api, '127.0.0.2'), { quota: 2, window: 60, rest: 1 });
    });
  },
);

describeServers(
  'by the address that a trusted proxy tells',
  {
    layout: 'async',
    command: 'own',
    env: { RATE_LIMIT: '2/minute', TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' },
  },
  (api) => {
    const first = { quota: 2, window: 60, rest: 1 };
    const second = { ...first, rest: 0 };
    const from = (address: string) => ({ 'X-Forwarded-For': address });

    test('each by itself', async () => {
      expectLimit(await api.generate({}, from('203.0.113.1')), first);
      expectLimit(await api.generate({}, from('203.0.113.1')), second);
      expectProblem(await api.generate({}, from('203.0.113.1')), 'rate-limited');
      expectLimit(await api.generate({}, from('203.0.113.2')), first);
      expectLimit(await api.generate({}, from('2001:db8::1')), first);
    });

    test('not by what the caller put before it', async () => {
      expectLimit(await api.generate({}, from('198.51.100.1, 203.0.113.3')), first);
      expectLimit(await api.generate({}, from('198.51.100.2, 203.0.113.3')), second);
      expectProblem(await api.generate({}, from('203.0.113.3')), 'rate-limited');
    });

    test('through more than one of them', async () => {
      expectLimit(await api.generate({}, from('203.0.113.4, 10.1.2.3')), first);
      expectLimit(await api.generate({}, from('203.0.113.4')), second);
    });

    test.each(['', 'unknown', '"; DROP', '999.1.1.1', ',,,', 'x'.repeat(2000)])(
      'and does not stumble over "%.20s"',
      async (text) => {
        expect([200, 429]).toContain((await api.generate({}, from(text))).status);
      },
    );

    test.skipIf(process.platform === 'darwin')('and by no other’s', async () => {
      expectLimit(await ask(api, '127.0.0.3', from('203.0.113.5')), first);
      expectLimit(await ask(api, '127.0.0.3', from('203.0.113.6')), second);
    });
  },
);

describeServers(
  'unless told otherwise',
  { layout: 'async', command: 'own', env: { RATE_LIMIT: '' } },
  (api) => {
    test('sixty a minute', async () => {
      expectLimit(await api.generate(), { quota: 60, window: 60, rest: 59 });
    });
  },
);

describeServers('RATE_LIMIT=0', { layout: 'async' }, (api) => {
  test('is none, and says nothing', async () => {
    const answers = await Promise.all(Array.from({ length: 70 }, () => api.generate()));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(70);
    expect(answers[0]?.headers.ratelimit).toBeUndefined();
    expect(answers[0]?.headers['ratelimit-policy']).toBeUndefined();
  });
});

interface Limit {
  readonly quota: number;
  /** Seconds. */
  readonly window: number;
  readonly rest: number;
}

function expectLimit({ headers }: Answer, { quota, window, rest }: Limit): void {
  expect(headers['ratelimit-policy']).toBe(`"default";q=${quota};w=${window}`);
  const [, left, seconds] = /^"default";r=(\d+);t=(\d+)$/.exec(String(headers.ratelimit)) ?? [];
  expect(Number(left), String(headers.ratelimit)).toBe(rest);
  expect(Number(seconds)).toBeLessThanOrEqual(window);
}

function expectRefused(answer: Answer, limit: Limit): void {
  expectProblem(answer, 'rate-limited');
  expectLimit(answer, limit);
  const { 'retry-after': seconds = '' } = answer.headers;
  expect(seconds).toMatch(/^[1-9]\d*$/);
  expect(Number(seconds)).toBeLessThanOrEqual(limit.window);
}

async function useUp(api: Api, headers: Sent['headers'], count: number): Promise<void> {
  for (let used = 0; used < count; used++) {
    expect((await api.generate({}, headers)).status).toBe(200);
  }
  expectProblem(await api.generate({}, headers), 'rate-limited');
}

function ask(api: Api, from: string, headers: Sent['headers'] = {}): Promise<Answer> {
  return api.send({ ...generate({}, headers), from });
}
