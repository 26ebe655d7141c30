import { expect, test } from 'vitest';
import { ask, chat, readEvents, readWords, useMock } from './ask.ts';

const WORDS =
  'Hello! This is the built-in mock: no model was asked and nothing was spent. ' +
  'Set OPENAI_API_KEY to get real answers. You wrote: Good morning';

test('answers a chat in the shape of a chat completion', async () => {
  const mock = await useMock();
  const answer = await ask(mock, '/chat/completions', chat());
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('x-request-id')).toBe('req_mock_0');
  expect(JSON.parse(answer.text)).toEqual({
    id: 'chatcmpl-mock-0',
    object: 'chat.completion',
    created: expect.closeTo(Date.now() / 1000, -1),
    model: 'gpt-4o',
    service_tier: 'default',
    system_fingerprint: 'fp_mock',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: WORDS, refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: expect.objectContaining({
      prompt_tokens: 3,
      completion_tokens: 25,
      total_tokens: 28,
    }),
  });
});

test('streams the same words, one token an event, to [DONE]', async () => {
  const mock = await useMock();
  const answer = await ask(mock, '/chat/completions', chat({ stream: true }));
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(readWords(answer.text)).toBe(WORDS);
  const events = readEvents(answer.text);
  const reasons = events.slice(0, -1).map((event) => event.choices[0].finish_reason);
  expect(events[0].choices[0].delta).toEqual({ role: 'assistant', content: '', refusal: null });
  expect(reasons).toEqual([...Array(26).fill(null), 'stop']);
  expect(events.at(-1)).toBe('[DONE]');
  expect(answer.text, 'nobody asked for usage').not.toContain('usage');
});

test('streams usage in a last chunk without choices where it is asked for', async () => {
  const mock = await useMock();
  const body = chat({ stream: true, stream_options: { include_usage: true } });
  const events = readEvents((await ask(mock, '/chat/completions', body)).text);
  const [last, done] = events.slice(-2);
  expect(done).toBe('[DONE]');
  expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 25 } });
  expect(events.slice(0, -2).every((event) => event.usage === null)).toBe(true);
});

test.each(['max_tokens', 'max_completion_tokens'])('stops at %s', async (name) => {
  const mock = await useMock();
  const plain = await ask(mock, '/chat/completions', chat({ [name]: 2 }));
  expect(JSON.parse(plain.text)).toMatchObject({
    choices: [{ message: { content: 'Hello! This' }, finish_reason: 'length' }],
    usage: { completion_tokens: 2 },
  });
  const stream = await ask(mock, '/chat/completions', chat({ [name]: 2, stream: true }));
  expect(readWords(stream.text)).toBe('Hello! This');
  expect(readEvents(stream.text).at(-2).choices[0].finish_reason).toBe('length');
});

test('answers the last thing that the user said, and counts all that was said', async () => {
  const mock = await useMock();
  const messages = [
    { role: 'system', content: 'four' },
    { role: 'user', content: 'first' },
    { role: 'assistant', content: null, tool_calls: [] },
    { role: 'user', content: [{ type: 'text', text: 'second' }, { type: 'image_url' }] },
    { role: 'assistant', content: 'well' },
  ];
  const { choices, usage } = JSON.parse(
    (await ask(mock, '/chat/completions', chat({ messages }))).text,
  );
  expect(choices[0].message.content).toMatch(/You wrote: second$/);
  expect(usage.prompt_tokens).toBe(1 + 2 + 2 + 1);
});

test('says the same to the same question, from any mock', async () => {
  const ids = { id: '', created: 0 };
  const [one, other] = await Promise.all(
    [await useMock(), await useMock()].map(async (mock) => {
      await ask(mock, '/chat/completions', chat({ model: 'other' }));
      return JSON.parse((await ask(mock, '/chat/completions', chat())).text);
    }),
  );
  expect({ ...one, ...ids }).toEqual({ ...other, ...ids });
});
