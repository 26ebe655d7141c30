/** What goes through /v1/chat/completions as it is, and what is told of it. */
import { describe, expect, test } from 'vitest';
import { describeServers } from '../contract/describe.ts';
import { LIMITS, MODEL, OTHER_MODEL, PROMPT } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { parseEvents, send } from '../contract/http.ts';
import { findLines } from '../contract/lines.ts';
import { readMetrics, total } from '../contract/metrics.ts';
import { beginChat, chat, complete, STACKS, say } from './chat.ts';

const ROUTE = '/v1/chat/completions';

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

function blur(body: string): string {
  return body.replace(/chatcmpl-mock-\d+/g, 'id').replace(/"created":\d+/g, '"created":0');
}
