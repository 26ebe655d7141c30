import OpenAI from 'openai';
import type { JSONSchema } from 'openai/lib/jsonschema';
import { expect, test } from 'vitest';
import { ask, chat, readEvents, useMock } from './ask.ts';

const parameters: JSONSchema = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    unit: { enum: ['celsius', 'fahrenheit'] },
    days: { type: 'integer', minimum: 1 },
    where: { type: 'object', properties: { lat: { type: 'number' } }, required: ['lat'] },
    hourly: { type: 'boolean' },
  },
  required: ['city', 'unit', 'days', 'where'],
};
const description = 'The weather of the next days.';
const weather = {
  type: 'function' as const,
  function: { name: 'get_weather', description, parameters },
};
const time = { type: 'function' as const, function: { name: 'get_time' } };
const ARGUMENTS = { city: 'mock', unit: 'celsius', days: 1, where: { lat: 0 } };

test('a tool is called with arguments that fit its parameters', async () => {
  const mock = await useMock();
  const { text } = await ask(mock, '/chat/completions', chat({ tools: [weather] }));
  const [choice] = JSON.parse(text).choices;
  expect(choice).toMatchObject({
    message: {
      content: null,
      tool_calls: [{ id: 'call_mock_0', type: 'function', function: { name: 'get_weather' } }],
    },
    finish_reason: 'tool_calls',
  });
  expect(JSON.parse(choice.message.tool_calls[0].function.arguments)).toEqual(ARGUMENTS);
});

test('a stream names the tool first, then its arguments piece by piece', async () => {
  const mock = await useMock();
  const body = chat({ tools: [weather], stream: true });
  const events = readEvents((await ask(mock, '/chat/completions', body)).text).slice(0, -1);
  const calls = events.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
  expect(calls[0]).toEqual({
    index: 0,
    id: 'call_mock_0',
    type: 'function',
    function: { name: 'get_weather', arguments: '' },
  });
  const text = calls.map((call) => call.function.arguments).join('');
  expect(JSON.parse(text)).toEqual(ARGUMENTS);
  expect(calls.length).toBeGreaterThan(2);
  expect(events.at(-1).choices[0].finish_reason).toBe('tool_calls');
});

test.each([
  ['auto', 'get_weather'],
  ['required', 'get_weather'],
  ['none', undefined],
  [{ type: 'function', function: { name: 'get_time' } }, 'get_time'],
])('tool_choice %j calls %s', async (tool_choice, name) => {
  const mock = await useMock();
  const body = chat({ tools: [weather, time], tool_choice });
  const answer = JSON.parse((await ask(mock, '/chat/completions', body)).text);
  expect(answer.choices[0].message.tool_calls?.[0].function.name).toBe(name);
});

test.each([
  [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'other' } } }],
  [{ tool_choice: 'required' }],
])('%j asks for a tool that there is not', async (more) => {
  const mock = await useMock();
  const answer = await ask(mock, '/chat/completions', chat(more));
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text).error.param).toBe('tool_choice');
});

test("the client's loop over tools comes to an end", async () => {
  const mock = await useMock();
  const client = new OpenAI({ baseURL: mock.url, apiKey: 'sk-test', maxRetries: 0 });
  const asked: unknown[] = [];
  const answerTool = (text: string) => `${asked.push(JSON.parse(text))} degrees`;
  const runner = client.chat.completions.runTools({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Good morning' }],
    tools: [{ ...weather, function: { ...weather.function, function: answerTool } }],
  });
  expect(await runner.finalContent()).toMatch(/You wrote: Good morning$/);
  expect(asked).toEqual([ARGUMENTS]);
});
