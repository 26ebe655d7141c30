import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { bearer, CALLER_KEYS, findLeaks, serverEnvironment } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { type Answer, begin, generate, open, parseEvents, send } from '../contract/http.ts';
import { findLines } from '../contract/lines.ts';
import { readMetrics, total } from '../contract/metrics.ts';
import { type OwnServer, startOwnServer } from '../contract/own.ts';
import { expectProblem } from '../contract/problem.ts';
import { stopProgram } from '../contract/program.ts';
import type { Project } from '../contract/projects.ts';
import { talk } from '../contract/socket.ts';
import { HAS_REDIS, type Redis, startRedis } from './redis.ts';

const MINUTES = 60_000;
const [ALICE, BOB] = CALLER_KEYS;
const TOKENS = 'gen_ai_client_token_usage_sum';

describeProjects('a repeated request', HAS_REDIS, (project) => {
  const set = useTwo(project, {});
  let serial = 0;
  const newKey = (): string => `key-${++serial}`;
  /** One that nobody else has asked for. */
  const prompt = (): string => `question ${serial}`;

  async function ask(
    server: OwnServer,
    key: string,
    fields: Readonly<Record<string, unknown>> = {},
    caller: string = ALICE,
  ): Promise<Answer> {
    return send(server.url, generate(fields, { 'Idempotency-Key': key, ...bearer(caller) }));
  }

  test.each([false, true])('gets the answer that was given, stream: %s', async (stream) => {
    const key = newKey();
    const first = await ask(set.one, key, { prompt: prompt(), stream });
    const tokens = total(await readMetrics(set.two.url), TOKENS);
    const again = await ask(set.two, key, { prompt: prompt(), stream });
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.text).toBe(first.text);
    expect(again.headers['content-type']).toBe(first.headers['content-type']);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(set.mock.counts.received).toBe(1);
    expect(total(await readMetrics(set.two.url), TOKENS), 'tokens are paid once').toBe(tokens);
  });

  test.each([false, true])('waits for the answer on its way, stream: %s', async (stream) => {
    set.mock.setPace({ timeToFirstToken: 700, tokensPerSecond: 60 });
    const key = newKey();
    const first = ask(set.one, key, { prompt: prompt(), stream });
    await eventually(() => expect(set.mock.counts.open).toBe(1));
    const others = [set.one, set.two, set.two].map((server) =>
      ask(server, key, { prompt: prompt(), stream }),
    );
    const answers = await Promise.all([first, ...others]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const replayed = answers.map(({ headers }) => headers['idempotent-replayed']);
    expect(replayed).toEqual([undefined, 'true', 'true', 'true']);
    expect(set.mock.counts.received).toBe(1);
  });

  test('is refused with another body, and while the first runs as well', async () => {
    const key = newKey();
    set.mock.setPace({ timeToFirstToken: 500 });
    const first = ask(set.one, key, { prompt: prompt() });
    await eventually(() => expect(set.mock.counts.open).toBe(1));
    expectProblem(await ask(set.two, key, { prompt: 'another' }), 'idempotency-key-reused');
    expect((await first).status).toBe(200);
    const wrong = [{ prompt: 'another' }, { prompt: prompt(), stream: true }];
    for (const fields of wrong) {
      expectProblem(await ask(set.two, key, fields), 'idempotency-key-reused');
    }
    expect(set.mock.counts.received).toBe(1);
  });

  test('of another caller is another request', async () => {
    const key = newKey();
    await ask(set.one, key, { prompt: 'of Alice' });
    const { status, text } = await ask(set.two, key, { prompt: 'of Bob' }, BOB);
    expect(status).toBe(200);
    expect(text).toContain('of Bob');
    expect(set.mock.counts.received).toBe(2);
  });

  test.each([false, true])('tries itself after a failure, stream: %s', async (stream) => {
    const key = newKey();
    set.mock.setFault('unauthorized');
    const failed = await ask(set.one, key, { prompt: prompt(), stream });
    expectProblem(failed, 'upstream-misconfigured');
    set.mock.setFault(undefined);
    const again = await ask(set.two, key, { prompt: prompt(), stream });
    expect(again.status).toBe(200);
    expect(again.headers['idempotent-replayed']).toBeUndefined();
    expect(set.mock.counts.received).toBe(2);
  });

  test.each(['truncate', 'reset-after', 'error-event'] as const)(
    'tries itself after a stream that broke off: %s',
    async (fault) => {
      const key = newKey();
      set.mock.setFault(fault);
      const broken = await ask(set.one, key, { prompt: prompt(), stream: true });
      expect(parseEvents(broken.text).at(-1)).toContain('"error"');
      set.mock.setFault(undefined);
      const again = await ask(set.two, key, { prompt: prompt(), stream: true });
      expect(parseEvents(again.text).at(-1)).toBe('[DONE]');
      expect(again.headers['idempotent-replayed']).toBeUndefined();
    },
  );

  test('runs itself once the first one’s client has left', async () => {
    const key = newKey();
    set.mock.setFault('hang');
    const headers = { 'Idempotency-Key': key, ...bearer(ALICE) };
    const first = begin(set.one.url, generate({ prompt: prompt() }, headers));
    await eventually(() => expect(set.mock.counts.open).toBe(1));
    const again = ask(set.two, key, { prompt: prompt() });
    set.mock.setFault(undefined);
    first.leave();
    await eventually(() => expect(set.mock.counts.clientLeft).toBe(1));
    const { status, headers: told } = await again;
    expect(status).toBe(200);
    expect(told['idempotent-replayed']).toBeUndefined();
    expect(set.mock.counts.received).toBe(2);
  });

  test('leaves the first one alone when its own client leaves', async () => {
    const key = newKey();
    set.mock.setPace({ timeToFirstToken: 1000 });
    const first = ask(set.one, key, { prompt: prompt() });
    await eventually(() => expect(set.mock.counts.open).toBe(1));
    const headers = { 'Idempotency-Key': key, ...bearer(ALICE) };
    begin(set.two.url, generate({ prompt: prompt() }, headers)).leave();
    expect((await first).status).toBe(200);
    expect(set.mock.counts).toMatchObject({ received: 1, clientLeft: 0 });
  });

  test('counts as a request', async () => {
    const key = newKey();
    const rest = ({ headers }: Answer) => Number(/;r=(\d+);/.exec(String(headers.ratelimit))?.[1]);
    const first = await ask(set.one, key, { prompt: prompt() });
    const again = await ask(set.two, key, { prompt: prompt() });
    expect(rest(again)).toBe(rest(first) - 1);
  });

  test.each(['', 'two words', 'x'.repeat(256), 'é'])(
    'needs a key that is one: "%.20s"',
    async (key) => {
      const { errors } = expectProblem(await ask(set.one, key), 'invalid-request');
      expect(errors?.map(({ field }) => field)).toEqual(['Idempotency-Key']);
      expect(set.mock.counts.received).toBe(0);
    },
  );

  test.each(['x', '"quoted"', '~!#$%&', 'x'.repeat(255)])('takes the key "%.20s"', async (key) => {
    expect((await ask(set.one, key)).status).toBe(200);
  });

  test('is described', async () => {
    const document = JSON.parse((await send(set.one.url, { path: '/openapi.json' })).text);
    const { parameters, responses } = document.paths['/generate'].post;
    expect(parameters).toContainEqual(
      expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }),
    );
    expect(Object.keys(responses[200].headers)).toEqual(
      expect.arrayContaining(['Idempotent-Replayed', 'Cache-Status']),
    );
    expect(responses[422].description).toContain('idempotency-key-reused');
  });

  // The last: it is one server less.
  test('runs itself once the first one’s server was killed', { timeout: MINUTES }, async () => {
    const key = newKey();
    set.mock.setFault('hang');
    ask(set.one, key, { prompt: prompt() }).catch(() => {});
    await eventually(() => expect(set.mock.counts.open).toBe(1));
    const again = ask(set.two, key, { prompt: prompt() });
    set.mock.setFault(undefined);
    set.one.program.kill('SIGKILL');
    await set.one.program.ended;
    expect((await again).status).toBe(200);
    expect(set.mock.counts.received).toBe(2);
  });
});

describeProjects('the answers that a long one gets', HAS_REDIS, (project) => {
  const set = useTwo(project, { REQUEST_TIMEOUT: '14', IDLE_TIMEOUT: '14' });

  test('while it takes longer than its lock', { timeout: MINUTES }, async () => {
    set.mock.setPace({ timeToFirstToken: 12_000 });
    const headers = { 'Idempotency-Key': 'long', ...bearer(ALICE) };
    const first = send(set.one.url, generate({}, headers));
    await eventually(() => expect(set.mock.counts.open).toBe(1));
    const answers = await Promise.all([first, send(set.two.url, generate({}, headers))]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(set.mock.counts.received).toBe(1);
  });

  test('and nobody waits for longer than a request may take', { timeout: MINUTES }, async () => {
    set.mock.setFault('hang');
    const call = generate({}, { 'Idempotency-Key': 'too-long', ...bearer(ALICE) });
    const answers = await Promise.all([send(set.one.url, call), send(set.two.url, call)]);
    for (const answer of answers) expectProblem(answer, 'upstream-timeout');
  });
});

describeProjects('a repeated request without Redis', HAS_REDIS, (project) => {
  for (const mode of ['open', 'closed'] as const) {
    const set = useTwo(project, { REDIS_FAIL: mode, RATE_LIMIT: '0' });
    const call = generate({}, { 'Idempotency-Key': `key-${mode}`, ...bearer(ALICE) });

    test(`REDIS_FAIL=${mode}`, async () => {
      await set.redis.kill();
      const answers = [await send(set.one.url, call), await send(set.one.url, call)];
      if (mode === 'closed') for (const answer of answers) expectProblem(answer, 'overloaded');
      else {
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        expect(answers.map(({ headers }) => headers['idempotent-replayed'])).toEqual([
          undefined,
          undefined,
        ]);
      }
      expect(set.mock.counts.received).toBe(mode === 'open' ? 2 : 0);
      expect((await send(set.one.url, generate({}, bearer(ALICE)))).status).toBe(200);
    });
  }
});

describeProjects('the cache', HAS_REDIS, (project) => {
  const set = useTwo(project, { CACHE_TTL: '60' });
  const ask = (
    server: OwnServer,
    fields: Readonly<Record<string, unknown>>,
    caller: string = ALICE,
  ) => send(server.url, generate(fields, bearer(caller)));
  /** A stream has its last event a moment before it is kept, and its place a moment longer. */
  const untilKept = () =>
    eventually(async () => {
      expect(total(await readMetrics(set.one.url), 'llm_api_in_flight')).toBe(0);
    });
  const MISS = 'llm-api; fwd=miss';
  const HIT = 'llm-api; hit';

  test.each([false, true])('answers whoever asks the same, stream: %s', async (stream) => {
    const fields = { prompt: 'the same', stream };
    const first = await ask(set.one, fields);
    await untilKept();
    const tokens = total(await readMetrics(set.two.url), TOKENS);
    const again = await ask(set.two, fields, BOB);
    expect(first.headers['cache-status']).toBe(MISS);
    expect(again.headers['cache-status']).toBe(HIT);
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    expect(set.mock.counts.received).toBe(1);
    expect(total(await readMetrics(set.two.url), TOKENS)).toBe(tokens);
    const id = { request_id: String(again.headers['x-request-id']) };
    await eventually(() => expect(findLines(set.two.program.output(), id)).toHaveLength(1));
    const [line] = findLines(set.two.program.output(), id);
    expect(line).toMatchObject({ status: 200, outcome: 'ok' });
    expect(line?.output_tokens ?? null).toBeNull();
  });

  test.each([
    { temperature: 0.5 },
    { max_tokens: 3 },
    { system: 'Be brief.' },
    { model: 'contract-other' },
    { stream: true },
    { prompt: 'other' },
  ])('asks for what differs: %o', async (more) => {
    const fields = { prompt: `differs in ${Object.keys(more)[0]}` };
    await ask(set.one, fields);
    const other = await ask(set.one, { ...fields, ...more });
    expect(other.headers['cache-status']).toBe(MISS);
    expect(set.mock.counts.received).toBe(2);
  });

  test('keeps whole answers only', async () => {
    const fields = { prompt: 'broken', stream: true };
    for (const fault of ['unauthorized', 'truncate', 'error-event'] as const) {
      set.mock.setFault(fault);
      expect((await ask(set.one, fields)).text).not.toContain('[DONE]');
    }
    set.mock.setFault(undefined);
    expect((await ask(set.one, fields)).headers['cache-status']).toBe(MISS);
    await untilKept();
    expect((await ask(set.two, fields)).headers['cache-status']).toBe(HIT);
  });

  test('keeps nothing of what its client left', async () => {
    set.mock.setPace({ tokensPerSecond: 5 });
    const fields = { prompt: 'left', stream: true };
    const answer = await open(set.one.url, generate(fields, bearer(ALICE)));
    answer.leave();
    await eventually(() => expect(set.mock.counts.clientLeft).toBe(1));
    set.mock.setPace({ tokensPerSecond: 0 });
    expect((await ask(set.one, fields)).headers['cache-status']).toBe(MISS);
  });

  test('answers over the WebSocket too', async () => {
    await ask(set.one, { prompt: 'over a socket', stream: true });
    await untilKept();
    const socket = await talk(set.two.url, bearer(BOB));
    socket.ask({ prompt: 'over a socket' });
    const said = await socket.ends(1);
    socket.close();
    expect(said.map(({ text }) => text ?? '').join('')).toContain('over a socket');
    expect(set.mock.counts.received).toBe(1);
  });

  test('goes with Idempotency-Key', async () => {
    const call = (key: string) =>
      generate({ prompt: 'both' }, { 'Idempotency-Key': key, ...bearer(ALICE) });
    await send(set.one.url, call('first-of-both'));
    const replayed = await send(set.two.url, call('first-of-both'));
    const hit = await send(set.two.url, call('second-of-both'));
    expect(replayed.headers['idempotent-replayed']).toBe('true');
    expect(hit.headers['cache-status']).toBe(HIT);
    expect(set.mock.counts.received).toBe(1);
  });

  // The last, since it is gone afterwards.
  test('is nothing that a request fails without', async () => {
    await set.redis.kill();
    const answers = [
      await ask(set.one, { prompt: 'away' }),
      await ask(set.one, { prompt: 'away' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(set.mock.counts.received).toBe(2);
  });
});

describeProjects('no cache', HAS_REDIS, (project) => {
  const set = useTwo(project, {});

  test('unless told so', async () => {
    const call = generate({}, bearer(ALICE));
    const answers = [await send(set.one.url, call), await send(set.two.url, call)];
    expect(answers.map(({ headers }) => headers['cache-status'])).toEqual([undefined, undefined]);
    expect(set.mock.counts.received).toBe(2);
  });
});

interface Two {
  readonly mock: Mock;
  readonly redis: Redis;
  readonly one: OwnServer;
  readonly two: OwnServer;
}

/** A Redis, an upstream, and two processes of the server, for the tests of a block. */
function useTwo({ directory }: Project, env: Readonly<Record<string, string>>): Two {
  let two: Two | undefined;
  beforeAll(async () => {
    const [mock, redis] = await Promise.all([startMock(), startRedis()]);
    const settings = {
      ...serverEnvironment(mock.url),
      LOG_LEVEL: 'info',
      RATE_LIMIT: '1000/minute',
      API_KEYS: CALLER_KEYS.join(','),
      IDLE_TIMEOUT: '20',
      REQUEST_TIMEOUT: '20',
      MAX_RETRIES: '0',
      REDIS_URL: redis.url,
      ...env,
    };
    const start = () => startOwnServer(directory, settings);
    two = { mock, redis, one: await start(), two: await start() };
  });
  beforeEach(() => two?.mock.reset());
  afterAll(async () => {
    for (const { program } of two ? [two.one, two.two] : []) {
      if (!program.hasEnded()) await stopProgram(program);
      expect(findLeaks(program.output())).toEqual([]);
    }
    await Promise.all([two?.mock.close(), two?.redis.close()]);
  });
  const there = (): Two => {
    if (!two) throw new Error('they are there only while the tests of their block run');
    return two;
  };
  return {
    get mock() {
      return there().mock;
    },
    get redis() {
      return there().redis;
    },
    get one() {
      return there().one;
    },
    get two() {
      return there().two;
    },
  };
}
