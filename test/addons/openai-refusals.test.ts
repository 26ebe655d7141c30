/** What does not get through /v1/chat/completions, and how that is told. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/mock/index.ts';
import { describeServers } from '../contract/describe.ts';
import { LIMITS, TIMEOUTS } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { parseEvents, type Sent } from '../contract/http.ts';
import { beginChat, chat, checkApiError, complete, expectApiError, STACKS, say } from './chat.ts';

const long = 'x'.repeat(LIMITS.promptChars);

describeServers('/v1/chat/completions', { ...STACKS, command: 'own' }, (api) => {
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
      ['a long refusal in a part', say([{ type: 'refusal', refusal: `${long}x` }]), 'messages'],
      [
        'a long call of a tool',
        {
          messages: [{ role: 'assistant', tool_calls: [{ function: { arguments: `${long}x` } }] }],
        },
        'messages',
      ],
      [
        'long tools',
        { tools: [{ type: 'function', function: { name: 'now', description: `${long}x` } }] },
        'messages',
      ],
      [
        'a long response_format',
        { response_format: { json_schema: { schema: { enum: [[`${long}x`]] } } } },
        'messages',
      ],
    ])('%s', async (_what, fields, param) => {
      const error = expectApiError(await complete(api, fields), 400, 'invalid-request');
      expect(error.param?.split(/[.[/]/)[0]).toBe(param);
      expect(api.mock.counts.received).toBe(0);
    });

    test('no prompt that is just as long as it may be', async () => {
      // Every text counts, that of the role and of the type as well.
      const rest = LIMITS.promptChars - 'user'.length;
      const inPart = 'x'.repeat(rest - 'text'.length);
      expect((await complete(api, say([text(inPart)]))).status).toBe(200);
      expectApiError(await complete(api, say([text(`${inPart}x`)])), 400, 'invalid-request');
      expect((await complete(api, say('🦜'.repeat(rest)))).status).toBe(200);
      expectApiError(await complete(api, say('🦜'.repeat(rest + 1))), 400, 'invalid-request');
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
