import OpenAI, { APIError, RateLimitError } from 'openai';
import { expect, test } from 'vitest';
import type { Mock } from '../../src/mock/index.ts';
import { useMock } from './ask.ts';

const WORDS = /^Hello! This is the built-in mock.* You wrote: Good morning$/;
const model = 'gpt-4o';
const messages = [{ role: 'user' as const, content: 'Good morning' }];

async function useClient(): Promise<{ mock: Mock; client: OpenAI }> {
  const mock = await useMock();
  return { mock, client: new OpenAI({ baseURL: mock.url, apiKey: 'sk-test', maxRetries: 0 }) };
}

test('chat', async () => {
  const { client } = await useClient();
  const answer = await client.chat.completions.create({ model, messages });
  expect(answer.choices[0]?.message.content).toMatch(WORDS);
  expect(answer._request_id).toBe('req_mock_0');
});

test('chat, streamed by hand', async () => {
  const { client } = await useClient();
  const options = {
    model,
    messages,
    stream: true as const,
    stream_options: { include_usage: true },
  };
  let words = '';
  let usage: unknown;
  for await (const chunk of await client.chat.completions.create(options)) {
    words += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage;
  }
  expect(words).toMatch(WORDS);
  expect(usage).toMatchObject({ completion_tokens: 25 });
});

test("chat, through the client's stream helper", async () => {
  const { client } = await useClient();
  const options = { model, messages, stream_options: { include_usage: true } };
  const stream = client.chat.completions.stream(options);
  const words: string[] = [];
  stream.on('content', (delta) => words.push(delta));
  const answer = await stream.finalChatCompletion();
  expect(words.join('')).toMatch(WORDS);
  expect(answer.choices[0]).toMatchObject({
    finish_reason: 'stop',
    message: { role: 'assistant' },
  });
  expect(answer.choices[0]?.message.content).toBe(words.join(''));
  expect(await stream.totalUsage()).toMatchObject({ completion_tokens: 25 });
});

test('responses', async () => {
  const { client } = await useClient();
  const answer = await client.responses.create({ model, input: 'Good morning' });
  expect(answer.output_text).toMatch(WORDS);
});

test("responses, through the client's stream helper", async () => {
  const { client } = await useClient();
  const stream = client.responses.stream({ model, input: 'Good morning' });
  let words = '';
  stream.on('response.output_text.delta', ({ delta }) => {
    words += delta;
  });
  const answer = await stream.finalResponse();
  expect(words).toMatch(WORDS);
  expect(answer).toMatchObject({ status: 'completed', output_text: words });
});

test('embeddings, which the client asks for in base64', async () => {
  const { mock, client } = await useClient();
  const { data } = await client.embeddings.create({ model: 'e', input: 'x', dimensions: 16 });
  expect(mock.requests[0]?.body).toMatchObject({ encoding_format: 'base64' });
  expect(data[0]?.embedding).toHaveLength(16);
  expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1, 5);
});

test('models', async () => {
  const { client } = await useClient();
  const names: string[] = [];
  for await (const { id } of client.models.list()) names.push(id);
  expect(names).toContain('mock-stall');
  expect((await client.models.retrieve('gpt-4o')).id).toBe('gpt-4o');
});

test('errors are the client’s own', async () => {
  const { client } = await useClient();
  const send = (name: string) => client.chat.completions.create({ model: name, messages });
  const limited = await send('mock-rate-limited').catch((error) => error);
  expect(limited).toBeInstanceOf(RateLimitError);
  expect(limited).toMatchObject({ code: 'rate_limit_exceeded', requestID: 'req_mock_0' });
  expect(limited.headers.get('retry-after')).toBe('7');
  await expect(send('mock-nope')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
});

test('an error event ends a chat stream with an error', async () => {
  const { client } = await useClient();
  const options = { model: 'mock-error-event', messages, stream: true as const };
  const read = async () => {
    for await (const _ of await client.chat.completions.create(options));
  };
  await expect(read()).rejects.toBeInstanceOf(APIError);
});

test('an error event in a responses stream is the last event', async () => {
  const { client } = await useClient();
  const options = { model: 'mock-error-event', input: 'x', stream: true as const };
  const types: string[] = [];
  for await (const { type } of await client.responses.create(options)) types.push(type);
  expect(types.at(-1)).toBe('error');
});
