import { beforeEach, describe, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { LIMITS, MODEL, OTHER_MODEL, PROMPT } from './environment.ts';
import { eventually } from './eventually.ts';
import { parseEvents } from './http.ts';
import { findLines } from './lines.ts';
import { readMetrics, total } from './metrics.ts';
import { checkProblem, type Problem, type Slug } from './problem.ts';
import { isEnd, type Said, type Talk, talk } from './socket.ts';

describeServers('over a WebSocket', { layout: 'async', command: 'own', output: true }, (api) => {
  let socket: Talk;
  beforeEach(async () => {
    socket = await talk(api.url);
    return () => socket.leave();
  });

  test('answers with what a stream would say, a message each', async () => {
    socket.ask();
    const said = await socket.ends(1);
    const events = parseEvents(await (await api.stream()).whole);
    expect(events.pop()).toBe('[DONE]');
    expect(said).toEqual(events.map((event) => JSON.parse(event)));
    expect(said.at(-1)).toEqual({
      finish_reason: 'stop',
      model: MODEL,
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
    });
    expect(textOf(said)).toContain(`You wrote: ${PROMPT}`);
  });

  test('one request after another', async () => {
    for (const count of [1, 2, 3]) {
      socket.ask({ prompt: `number ${count}` });
      await socket.ends(count);
    }
    expect(answersOf(socket.said).map(textOf)).toEqual(
      [1, 2, 3].map((count) => expect.stringContaining(`number ${count}`)),
    );
  });

  test('requests that come at once in their order, one at a time', async () => {
    api.mock.setPace({ timeToFirstToken: 100 });
    for (const count of [1, 2, 3, 4]) socket.ask({ prompt: `number ${count}` });
    await socket.ends(4);
    expect(answersOf(socket.said).map(textOf)).toEqual(
      [1, 2, 3, 4].map((count) => expect.stringContaining(`number ${count}`)),
    );
    const spans = api.mock.requests;
    for (const [index, { startedAt }] of spans.slice(1).entries()) {
      expect(startedAt).toBeGreaterThanOrEqual(spans[index]?.endedAt ?? Number.NaN);
    }
  });

  test('with all fields of a request, "stream" or not', async () => {
    socket.ask({ system: 'Be brief.', model: OTHER_MODEL, max_tokens: 2, temperature: 0 });
    socket.ask({ stream: true });
    socket.ask({ stream: false });
    await socket.ends(3);
    const ends = socket.said.filter(isEnd);
    expect(ends[0]).toMatchObject({ finish_reason: 'length', model: OTHER_MODEL });
    expect(ends[2]).toEqual(ends[1]);
    expect(api.mock.requests[0]?.body).toMatchObject({
      model: OTHER_MODEL,
      max_completion_tokens: 2,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(api.mock.requests[1]?.body).toMatchObject({
      max_completion_tokens: LIMITS.outputTokens,
    });
  });

  test.each(['Zürich 東京 🦜🧑🏽‍🚀 "quotes" \\'])('any character: %s', async (prompt) => {
    socket.ask({ prompt });
    expect(textOf(await socket.ends(1))).toContain(prompt);
  });

  describe('stays after a message that is wrong', () => {
    const rows: [string, string | Buffer, Slug][] = [
      ['nothing', '', 'invalid-json'],
      ['half of it', '{"prompt":"x', 'invalid-json'],
      ['a word', 'hello', 'invalid-json'],
      ['a list', '[]', 'invalid-request'],
      ['null', 'null', 'invalid-request'],
      ['no prompt', '{}', 'invalid-request'],
      ['a prompt that is blank', '{"prompt":" \\n"}', 'invalid-request'],
      ['a field that it does not know', '{"prompt":"x","prompts":1}', 'invalid-request'],
      ['a temperature', '{"prompt":"x","temperature":3}', 'invalid-request'],
      ['a model', '{"prompt":"x","model":"not-allowed"}', 'invalid-request'],
      ['deep brackets', `{"prompt":${'['.repeat(1900)}${']'.repeat(1900)}}`, 'invalid-request'],
    ];
    test.each(rows)('%s', async (_, message, slug) => {
      socket.send(message);
      await socket.ends(1);
      const { error } = socket.said[0] as { error: Problem };
      checkProblem(error, error.type === '/problems/invalid-json' ? 'invalid-json' : slug);
      await expectService(socket, 2);
      expect(api.mock.counts.received).toBe(1);
    });

    test('bytes', async () => {
      socket.send(Buffer.from(JSON.stringify({ prompt: PROMPT })));
      await socket.ends(1);
      const { error } = socket.said[0] as { error: Problem };
      expect(error).toMatchObject({ status: expect.any(Number), detail: expect.any(String) });
      expect([400, 415, 422]).toContain(error.status);
      await expectService(socket, 2);
    });

    test('a failure of the upstream', async () => {
      api.mock.setFault('unauthorized');
      socket.ask();
      await socket.ends(1);
      checkProblem(socket.said.at(-1)?.error as Problem, 'upstream-misconfigured');
      api.mock.setFault(undefined);
      await expectService(socket, 2);
    });
  });

  test('closes on a message over MAX_BODY_BYTES', async () => {
    socket.send(JSON.stringify({ prompt: 'x' }).padEnd(LIMITS.bodyBytes + 1));
    expect(await socket.closed).toBe(1009);
    expect(api.mock.counts.received).toBe(0);
  });

  test('takes one of exactly MAX_BODY_BYTES', async () => {
    socket.send(JSON.stringify({ prompt: 'x' }).padEnd(LIMITS.bodyBytes));
    await expectEnd(socket, 1);
  });

  test('closes when more than eight messages wait', async () => {
    api.mock.setFault('hang');
    for (let count = 0; count < 20; count++) socket.ask();
    expect(await socket.closed).toBe(1008);
    await eventually(() => expect(api.mock.counts.open).toBe(0));
    expect(api.mock.counts.received).toBeLessThanOrEqual(1);
  });

  test('lets eight wait', async () => {
    api.mock.setPace({ timeToFirstToken: 300 });
    for (let count = 0; count < 9; count++) {
      socket.ask();
      if (count === 0) await eventually(() => expect(api.mock.counts.open).toBe(1));
    }
    await expectEnd(socket, 9, 10);
  });

  test('under the X-Request-Id of its handshake, upstream, in errors and in the log', async () => {
    const named = await talk(api.url, { 'X-Request-Id': 'caller-ws' });
    named.ask();
    await named.ends(1);
    named.ask({ prompt: '' });
    await named.ends(2);
    const ours = expect.stringMatching(/^caller-ws/);
    expect(named.said.at(-1)?.error?.request_id).toEqual(ours);
    expect(api.mock.requests[0]?.headers['x-request-id']).toEqual(ours);
    await eventually(() =>
      expect(lines(api).slice(-2)).toMatchObject([{ request_id: ours }, { request_id: ours }]),
    );
    named.close();
  });

  test('says goodbye to who says goodbye', async () => {
    await expectService(socket, 1);
    socket.close();
    expect(await socket.closed).toBe(1000);
  });

  test('logs a line a message, none for the socket', async () => {
    const own = () =>
      lines(api).filter(({ request_id }) => request_id.startsWith('line-a-message'));
    const named = await talk(api.url, { 'X-Request-Id': 'line-a-message' });
    named.ask();
    await named.ends(1);
    named.ask({ prompt: '' });
    await named.ends(2);
    named.close();
    await named.closed;
    await eventually(() => expect(own()).toHaveLength(2));
    expect(own()).toMatchObject([
      { outcome: 'ok', ttft_ms: expect.any(Number), output_tokens: expect.any(Number) },
      { outcome: 'invalid-request' },
    ]);
  });

  test.each([
    ['GET', {}],
    ['POST', {}],
  ])('refuses a %s that is no handshake, in our words', async (method) => {
    const answer = await api.send({ method, path: '/generate/ws' });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });
});

describeServers(
  'messages of WebSockets wait their turn like requests',
  {
    layout: 'async',
    command: 'own',
    env: {
      MAX_CONCURRENCY: '1',
      MAX_QUEUE: '1',
      QUEUE_TIMEOUT: '20',
      IDLE_TIMEOUT: '20',
      REQUEST_TIMEOUT: '25',
    },
  },
  (api) => {
    test('and are refused where requests would be', async () => {
      api.mock.setFault('hang');
      const [running, waiting, refused] = [
        await talk(api.url),
        await talk(api.url),
        await talk(api.url),
      ];
      running.ask();
      await eventually(() => expect(api.mock.counts.open).toBe(1));
      waiting.ask();
      await eventually(async () =>
        expect(total(await readMetrics(api.url), 'llm_api_queued')).toBe(1),
      );
      refused.ask();
      await refused.ends(1);
      checkProblem(refused.said[0]?.error as Problem, 'overloaded');
      api.mock.setFault(undefined);
      running.leave();
      await expectEnd(waiting, 1);
      await expectService(refused, 2);
      for (const socket of [waiting, refused]) socket.close();
    });

    test('and do not hold a place between messages', async () => {
      const sockets = await Promise.all(Array.from({ length: 5 }, () => talk(api.url)));
      for (const socket of sockets) await expectService(socket, 1);
      expect((await api.generate()).status).toBe(200);
      for (const socket of sockets) socket.close();
    });
  },
);

async function expectService(socket: Talk, count: number): Promise<void> {
  socket.ask();
  await expectEnd(socket, count);
}

async function expectEnd(socket: Talk, count: number, seconds?: number): Promise<void> {
  await socket.ends(count, seconds);
  expect(socket.said.at(-1)).toMatchObject({ finish_reason: 'stop' });
}

function lines(api: Api) {
  return findLines(api.output(), { route: '/generate/ws' });
}

function textOf(said: readonly Said[]): string {
  return said.map(({ text = '' }) => text).join('');
}

/** Cut behind each message that ends an answer. */
function answersOf(said: readonly Said[]): Said[][] {
  const answers: Said[][] = [[]];
  for (const message of said) {
    answers.at(-1)?.push(message);
    if (isEnd(message)) answers.push([]);
  }
  return answers.slice(0, -1);
}
