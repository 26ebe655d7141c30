/** The official client for Node against a server of ours, as if that were OpenAI. */
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { expect, test } from 'vitest';
import { type Api, describeServers } from '../contract/describe.ts';
import { CALLER_KEYS, MODEL, OTHER_MODEL, PROMPT } from '../contract/environment.ts';
import { STACKS } from './chat.ts';

const [KEY, OTHER_KEY] = CALLER_KEYS;
const SLASHED = `vendor/${OTHER_MODEL}`;
const env = {
  API_KEYS: CALLER_KEYS.join(','),
  ALLOWED_MODELS: [OTHER_MODEL, SLASHED].join(','),
  // Tools and what they answered are part of a conversation.
  MAX_PROMPT_CHARS: '1000',
};
const messages = [{ role: 'user' as const, content: PROMPT }];
const asked = { model: MODEL, messages };
const WORDS = new RegExp(`^Hello! This is the built-in mock.* You wrote: ${PROMPT}$`);

describeServers('the client for Node', { ...STACKS, command: 'own', env }, (api) => {
  const connect = (apiKey: string = KEY) =>
    new OpenAI({ baseURL: `${api.url}/v1`, apiKey, maxRetries: 0 });

  test('chats', async () => {
    const answer = await connect().chat.completions.create(asked);
    expect(answer.choices[0]?.message.content).toMatch(WORDS);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.completion_tokens).toBeGreaterThan(10);
    expect(answer._request_id).toMatch(/^[0-9a-f-]{32,36}$/);
  });

  test('reads a stream by hand, with the usage it asked for', async () => {
    const options = { stream: true as const, stream_options: { include_usage: true } };
    let words = '';
    let usage: unknown;
    for await (const event of await connect().chat.completions.create({ ...asked, ...options })) {
      words += event.choices[0]?.delta.content ?? '';
      usage = event.usage;
    }
    expect(words).toMatch(WORDS);
    expect(usage).toMatchObject({ completion_tokens: expect.any(Number) });
  });

  test.each([false, true])('goes through a loop over tools (stream: %s)', async (stream) => {
    const calls: unknown[] = [];
    const parameters = {
      type: 'object' as const,
      properties: { city: { type: 'string' as const } },
      required: ['city'],
    };
    const tool = {
      type: 'function' as const,
      function: {
        name: 'get_weather',
        description: 'The weather of today.',
        parameters,
        function: (text: string) => `${calls.push(JSON.parse(text))} degrees`,
      },
    };
    const { completions } = connect().chat;
    const runner = stream
      ? completions.runTools({ ...asked, tools: [tool], stream })
      : completions.runTools({ ...asked, tools: [tool] });
    expect(await runner.finalContent()).toMatch(WORDS);
    expect(calls).toEqual([{ city: 'mock' }]);
    expect(api.mock.requests.at(-1)?.body).toMatchObject({
      messages: [{}, { role: 'assistant' }, { role: 'tool', content: '1 degrees' }],
      tools: [{ function: { parameters } }],
    });
  });

  test('finds the models that it may ask for, and no others', async () => {
    const client = connect();
    const names: string[] = [];
    for await (const { id, object } of client.models.list()) {
      expect(object).toBe('model');
      names.push(id);
    }
    expect(names).toEqual([MODEL, OTHER_MODEL, SLASHED]);
    for (const id of names) expect(await client.models.retrieve(id)).toMatchObject({ id });
    const error = await client.models.retrieve('gpt-unknown').catch((reason) => reason);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.code).toBe('model_not_found');
  });

  test.each([
    ['a key we do not know', {}, 'wrong', AuthenticationError, 'unauthorized'],
    ['a model it may not ask for', { model: 'gpt-unknown' }, KEY, NotFoundError, 'model_not_found'],
    ['too many tokens', { max_completion_tokens: 65 }, KEY, BadRequestError, 'invalid-request'],
  ] as const)('raises its own error for %s', async (_what, fields, key, type, code) => {
    const error = await raise({ ...asked, ...fields }, key);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ code, requestID: expect.any(String) });
    expect(api.mock.counts.received).toBe(0);
  });

  test.each([
    ['rate-limited', RateLimitError, 429, 'upstream-rate-limited'],
    ['server-error', InternalServerError, 502, 'upstream-failed'],
    ['hang', InternalServerError, 504, 'upstream-timeout'],
  ] as const)('raises its own error where the upstream fails: %s', async (fault, type, ...rest) => {
    api.mock.setFault(fault);
    const error = await raise(asked, OTHER_KEY);
    expect(error).toBeInstanceOf(type);
    expect([error.status, error.code]).toEqual(rest);
  });

  test('raises an error where a stream breaks off', async () => {
    api.mock.setFault('error-event');
    let words = '';
    const read = async () => {
      const stream = await connect().chat.completions.create({ ...asked, stream: true });
      for await (const event of stream) words += event.choices[0]?.delta.content ?? '';
    };
    const error = await read().catch((reason) => reason);
    expect(error).toBeInstanceOf(APIError);
    expect(error.code).toBe('upstream-failed');
    expect(words).toMatch(/^Hello!/);
  });

  function raise(body: typeof asked, key: string) {
    return connect(key)
      .chat.completions.create(body)
      .then(
        () => expect.fail('there was no error'),
        (error: APIError) => error,
      );
  }
});

const tight = { RATE_LIMIT: '1/minute', API_KEYS: CALLER_KEYS.join(',') };

describeServers('its limits', { ...STACKS, command: 'own', env: tight }, (api: Api) => {
  test('raise a RateLimitError that says when to come back', async () => {
    const client = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: KEY, maxRetries: 0 });
    await client.chat.completions.create(asked);
    const error = await client.chat.completions.create(asked).catch((reason) => reason);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'rate-limited' });
    expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(error.headers.get('ratelimit')).toMatch(/r=0;/);
  });
});
