import { expect, test } from 'vitest';
import { ask, readEvents, useMock } from './ask.ts';

const WORDS = /^Hello! This is the built-in mock.* You wrote: Good morning$/;
const question = { model: 'gpt-4o', input: 'Good morning' };

test('answers in the shape of a response', async () => {
  const mock = await useMock();
  const answer = await ask(mock, '/responses', { ...question, instructions: 'Be brief' });
  expect(JSON.parse(answer.text)).toMatchObject({
    id: 'resp_mock_0',
    object: 'response',
    status: 'completed',
    model: 'gpt-4o',
    instructions: 'Be brief',
    incomplete_details: null,
    output: [
      {
        id: 'msg_mock_0',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', annotations: [], text: expect.stringMatching(WORDS) }],
      },
    ],
    usage: { input_tokens: 5, output_tokens: 25, total_tokens: 30 },
  });
});

test('streams the whole sequence of events, numbered', async () => {
  const mock = await useMock();
  const { text } = await ask(mock, '/responses', { ...question, stream: true });
  const events = readEvents(text);
  expect(events.map(({ type }) => type)).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    ...Array(25).fill('response.output_text.delta'),
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ]);
  expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  expect(names(text)).toEqual(events.map(({ type }) => type));
  const deltas = events.map(({ delta }) => delta ?? '').join('');
  expect(deltas).toMatch(WORDS);
  expect(events.find(({ type }) => type === 'response.output_text.done').text).toBe(deltas);

  const plain = JSON.parse((await ask(mock, '/responses', question)).text);
  const last = events.at(-1).response;
  expect(last.output[0].content).toEqual(plain.output[0].content);
  expect(last.usage).toEqual(plain.usage);
});

test('stops at max_output_tokens, and says so', async () => {
  const mock = await useMock();
  const body = { ...question, max_output_tokens: 2 };
  const cut = {
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ status: 'incomplete', content: [{ text: 'Hello! This' }] }],
    usage: { output_tokens: 2 },
  };
  expect(JSON.parse((await ask(mock, '/responses', body)).text)).toMatchObject(cut);
  const events = readEvents((await ask(mock, '/responses', { ...body, stream: true })).text);
  expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: cut });
});

test('takes a list of messages', async () => {
  const mock = await useMock();
  const input = [
    { role: 'developer', content: 'Be brief' },
    { role: 'user', content: [{ type: 'input_text', text: 'Good morning' }] },
  ];
  const answer = JSON.parse((await ask(mock, '/responses', { ...question, input })).text);
  expect(answer.output[0].content[0].text).toMatch(WORDS);
  expect(answer.usage.input_tokens).toBe(5);
});

function names(text: string): string[] {
  return [...text.matchAll(/^event: (.*)$/gm)].map(([, name = '']) => name);
}
