import { expect, test } from 'vitest';
import { FAULTS } from '../../src/mock/index.ts';
import { ask, useMock } from './ask.ts';

test('lists itself and one model for each fault', async () => {
  const { object, data } = JSON.parse((await ask(await useMock(), '/models')).text);
  expect(object).toBe('list');
  expect(data.map(({ id }: { id: string }) => id)).toEqual([
    'mock',
    ...FAULTS.map(({ name }) => `mock-${name}`),
  ]);
});

test.each([
  ['gpt-4o', 'gpt-4o'],
  ['mock-stall', 'mock-stall'],
  ['openai/gpt-oss-120b', 'openai/gpt-oss-120b'],
  ['a%2Fb?x=1', 'a/b'],
  ['100%', '100%'],
])('shows %s', async (path, id) => {
  const answer = await ask(await useMock(), `/models/${path}`);
  expect(JSON.parse(answer.text)).toEqual({
    id,
    object: 'model',
    created: 0,
    owned_by: 'create-llm-api',
  });
});
