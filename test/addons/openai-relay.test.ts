/** What goes through /v1/chat/completions as it is, and what does not get through. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/mock/index.ts';
import { describeServers } from '../contract/describe.ts';
import { LIMITS, MODEL, OTHER_MODEL, PROMPT, TIMEOUTS } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { parseEvents, type Sent, send } from '../contract/http.ts';
import { findLines } from '../contract/lines.ts';
import { readMetrics, total } from '../contract/metrics.ts';
import { beginChat, chat, checkApiError, complete, expectApiError, STACKS } from './chat.ts';

const ROUTE = '/v1/chat/completions';
const long = 'x'.repeat(LIMITS.promptChars);
const say = (content: unknown) => ({ messages: [{ role: 'user', content }] });

describeServers('/v1/chat/completions', { ...STACKS, output: true, command: 'own' }, (api) => {
  /** What the mock itself says to the same; its answers differ in number and time. */
  async function expectSame(text: string, body: unknown): Promise<void> {
    const { origin, pathname } = new URL(api.mock.url);
    const direct = {
      ...chat(),
      path: `${pathname}/chat/completions`,
      body: JSON.stringify(body),
    };
    const { text: expected } = await send(origin, direct);
    expect(blur(text)).toBe(blur(expected));
  }

  describe('passes on', () => {
    const everything = {
      tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object' } } }],
      tool_choice: 'none',
      response_format: { type: 'json_object' },
      seed: 7,
      logit_bias: { 50256: -100 },
      user: 'someone',
      max_tokens: 5,
      metadata: { 'a b': 'ü' },
      unknown: [null, { deep: 1.5 }],
    };

    test('all that it is asked, and adds nothing', async () => {
      const asked = {
        model: OTHER_MODEL,
        ...say([{ type: 'text', text: PROMPT }]),
        ...everything,
      };
      expect((await complete(api, asked)).status).toBe(200);
      expect(api.mock.requests.at(-1)).toMatchObject({ path: ROUTE });
      expect(api.mock.requests.at(-1)?.body).toEqual(asked);
    });

    test('a cap on the tokens where there is none', async () => {
      await complete(api);
      await complete(api, { max_tokens: null, max_completion_tokens: null });
      for (const { body } of api.mock.requests) {
        expect(body).toMatchObject({ max_completion_tokens: LIMITS.outputTokens });
      }
    });

    test('a whole answer, byte for byte', async () => {
      const { status, headers, text } = await complete(api, everything);
      expect(status).toBe(200);
      expect(headers['content-type']).toMatch(/^application\/json(; charset=utf-8)?$/);
      expect(headers['cache-control']).toBe('no-store');
      await expectSame(text, api.mock.requests.at(-1)?.body);
    });

    test.each([undefined, { include_usage: true }])(
      'a stream, byte for byte (stream_options: %j)',
      async (stream_options) => {
        const prompt = 'Zürich 東京 🦜🧑🏽‍🚀 "quotes" \\';
        const asked = { stream: true, stream_options, ...say(prompt) };
        const { status, headers, text } = await complete(api, asked);
        expect(status).toBe(200);
        expect(headers['content-type']).toMatch(/^text\/event-stream(; charset=utf-8)?$/);
        expect(headers['cache-control']).toBe('no-cache');
        expect(headers['x-accel-buffering']).toBe('no');
        expect(parseEvents(text).at(-1)).toBe('[DONE]');
        await expectSame(text, api.mock.requests.at(-1)?.body);
      },
    );

    test('the events of a stream as they come', async () => {
      api.mock.setFault('drip');
      const call = beginChat(api, { stream: true });
      const answer = await call.answer;
      await eventually(() =>
        expect(answer.received().split('"content"').length).toBeGreaterThan(3),
      );
      call.leave();
    });
  });

  describe('refuses', () => {
    test.each<[string, Record<string, unknown>, string]>([
      ['no model', { model: undefined }, 'model'],
      ['a model that is no text', { model: 5 }, 'model'],
      ['no messages', { messages: undefined }, 'messages'],
      ['an empty list of messages', { messages: [] }, 'messages'],
      ['messages that are no list', { messages: 'Hi' }, 'messages'],
      ['a message that is no object', { messages: ['Hi'] }, 'messages'],
      ['several answers', { n: 2 }, 'n'],
      ['too many tokens', { max_tokens: LIMITS.outputTokens + 1 }, 'max_tokens'],
      ['too many tokens by the other name', { max_completion_tokens: 65 }, 'max_completion_tokens'],
      ['no tokens', { max_tokens: 0 }, 'max_tokens'],
      ['half a token', { max_tokens: 1.5 }, 'max_tokens'],
      ['a stream that is no boolean', { stream: 'yes' }, 'stream'],
      ['a long prompt', say(`${long}x`), 'messages'],
      ['a long prompt in parts', say([text(long), text('x')]), 'messages'],
      [
        'a long conversation',
        { messages: [say(long), say('x')].flatMap(({ messages }) => messages) },
        'messages',
      ],
    ])('%s', async (_what, fields, param) => {
      const error = expectApiError(await complete(api, fields), 400, 'invalid-request');
      expect(error.param?.split(/[.[/]/)[0]).toBe(param);
      expect(api.mock.counts.received).toBe(0);
    });

    test('no prompt that is just as long as it may be', async () => {
      expect((await complete(api, say([text(long)]))).status).toBe(200);
      expect((await complete(api, say('🦜'.repeat(LIMITS.promptChars)))).status).toBe(200);
    });

    const post = chat();
    test.each<[string, Sent, number, string]>([
      ['what is not JSON', { ...post, body: '{"model"' }, 400, 'invalid-json'],
      ['an unknown model', chat({ model: 'gpt-unknown' }), 404, 'model_not_found'],
      ['too much', chat({ user: 'x'.repeat(LIMITS.bodyBytes) }), 413, 'too-large'],
      [
        'another type',
        { ...post, headers: { 'Content-Type': 'text/plain' } },
        415,
        'unsupported-media-type',
      ],
    ])('%s', async (_what, sent, status, code) => {
      expectApiError(await api.send(sent), status, code);
    });

    test('a body that is no object', async () => {
      expectApiError(await api.send({ ...post, body: '[]' }), 400, 'invalid-request');
    });
  });

  describe('tells in its own words', () => {
    test.each<[Fault, number, string, string | undefined]>([
      ['bad-request', 502, 'upstream-misconfigured', undefined],
      ['unauthorized', 502, 'upstream-misconfigured', undefined],
      ['rate-limited', 429, 'upstream-rate-limited', '7'],
      ['unavailable', 502, 'upstream-failed', undefined],
      ['hang', 504, 'upstream-timeout', undefined],
      ['reset-before', 502, 'upstream-failed', undefined],
      ['not-json', 502, 'upstream-failed', undefined],
    ])('that the upstream fails: %s', async (fault, status, code, wait) => {
      api.mock.setFault(fault);
      for (const stream of [false, true]) {
        const answer = await complete(api, { stream });
        expectApiError(answer, status, code);
        expect(answer.headers['retry-after']).toBe(wait);
        // Clients try again after 5xx, unless they are told that it will not help.
        const isFinal = code === 'upstream-misconfigured';
        expect(answer.headers['x-should-retry']).toBe(isFinal ? 'false' : undefined);
      }
    });

    test.each<[Fault, number, string]>([
      ['truncate', 502, 'upstream-truncated'],
      ['reset-after', 502, 'upstream-failed'],
      ['error-event', 502, 'upstream-failed'],
      ['stall', 504, 'upstream-timeout'],
    ])('that a stream fails on its way: %s', async (fault, status, code) => {
      api.mock.setFault(fault);
      const { status: begun, text } = await complete(api, { stream: true });
      expect(begun).toBe(200);
      const events = parseEvents(text);
      const last = JSON.parse(events.pop() as string);
      checkApiError(last.error, status, code);
      expect(events.length).toBeGreaterThan(2);
      for (const event of events) expect(JSON.parse(event)).toHaveProperty('choices');
    });
  });

  test.each([
    [false, 'hang'],
    [false, 'drip'],
    [true, 'hang'],
    [true, 'drip'],
  ] as const)('ends the call of a client that leaves (stream: %s, %s)', async (stream, fault) => {
    api.mock.setFault(fault);
    const id = `left-${stream}-${fault}`;
    const call = beginChat(api, { stream }, { 'X-Request-Id': id });
    await eventually(() => expect(api.mock.counts.open).toBe(1));
    if (stream && fault === 'drip') {
      const answer = await call.answer;
      await eventually(() => expect(answer.received()).toContain('"content"'));
    }
    const leftAt = Date.now();
    call.leave();
    await eventually(() => expect(api.mock.counts).toMatchObject({ clientLeft: 1, open: 0 }));
    // The contract says 250; the rest is for machines that do other things as well.
    expect((api.mock.requests[0]?.endedAt ?? 0) - leftAt).toBeLessThan(1000);
    const line = { request_id: id, route: ROUTE, status: 499, outcome: 'client_closed' };
    await eventually(() => expect(findLines(api.output(), line)).toHaveLength(1));
  });

  test.each([
    ['whole', {}, true],
    ['stream', { stream: true, stream_options: { include_usage: true } }, true],
    ['silent', { stream: true }, false],
  ] as const)('counts what was used: %s', async (id, fields, isKnown) => {
    const labels = { gen_ai_request_model: MODEL };
    const count = async () =>
      total(await readMetrics(api.url), 'gen_ai_client_token_usage_sum', labels);
    const before = await count();
    await complete(api, fields, { 'X-Request-Id': id });
    const line = { request_id: id, route: ROUTE, status: 200, outcome: 'ok' };
    await eventually(() => expect(findLines(api.output(), line)).toHaveLength(1));
    const tokens = isKnown ? expect.any(Number) : null;
    const [found] = findLines(api.output(), line);
    expect(found).toMatchObject({ input_tokens: tokens, output_tokens: tokens });
    if (isKnown) expect(await count()).toBeGreaterThan(before);
    else expect(await count()).toBe(before);
  });

  test('is described', async () => {
    const { paths } = JSON.parse((await api.send({ path: '/openapi.json' })).text);
    const { responses, requestBody } = paths[ROUTE].post;
    expect(requestBody.content).toHaveProperty('application/json');
    const statuses = [200, 400, 401, 404, 413, 415, 429, 500, 502, 503, 504].map(String);
    expect(Object.keys(responses).sort()).toEqual(statuses);
    expect(Object.keys(responses[200].content).sort()).toEqual([
      'application/json',
      'text/event-stream',
    ]);
    expect(paths['/v1/models'].get.responses).toHaveProperty('200');
    const one = Object.keys(paths).filter((path) => /^\/v1\/models\/\{\w+\}$/.test(path));
    expect(one).toHaveLength(1);
  });
});

const one = {
  MAX_CONCURRENCY: '1',
  MAX_QUEUE: '0',
  IDLE_TIMEOUT: `${10 * TIMEOUTS.idle}`,
  REQUEST_TIMEOUT: '25',
};

describeServers('the one place', { ...STACKS, command: 'own', env: one }, (api) => {
  test('is shared with POST /generate, held to the end of a stream and given back', async () => {
    api.mock.setFault('drip');
    const running = beginChat(api, { stream: true });
    await running.answer;
    const refused = await complete(api);
    expectApiError(refused, 503, 'overloaded');
    expect(refused.headers['retry-after']).toBe('1');
    expect((await api.generate()).status).toBe(503);
    running.leave();
    api.mock.setFault(undefined);
    await eventually(async () => expect((await complete(api)).status).toBe(200));
  });
});

function text(words: string): object {
  return { type: 'text', text: words };
}

function blur(body: string): string {
  return body.replace(/chatcmpl-mock-\d+/g, 'id').replace(/"created":\d+/g, '"created":0');
}
