import { expect, test } from 'vitest';
import { ask, useMock } from './ask.ts';

const model = 'text-embedding-3-small';

async function embed(body: object) {
  const answer = await ask(await useMock(), '/embeddings', { model, ...body });
  expect(answer.status).toBe(200);
  return JSON.parse(answer.text);
}

test('gives each text a vector of length one', async () => {
  const answer = await embed({ input: ['one', 'two'] });
  expect(answer).toMatchObject({
    object: 'list',
    model,
    data: [
      { object: 'embedding', index: 0 },
      { object: 'embedding', index: 1 },
    ],
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });
  for (const { embedding } of answer.data) {
    expect(embedding).toHaveLength(1536);
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  }
  expect(answer.data[0].embedding).not.toEqual(answer.data[1].embedding);
});

test('gives the same text the same vector, in both formats', async () => {
  const [floats] = (await embed({ input: 'one', dimensions: 8 })).data;
  const [again] = (await embed({ input: ['one'], dimensions: 8 })).data;
  const [packed] = (await embed({ input: 'one', dimensions: 8, encoding_format: 'base64' })).data;
  const bytes = Buffer.from(packed.embedding, 'base64');
  expect(again).toEqual(floats);
  expect(floats.embedding).toHaveLength(8);
  expect(Array.from({ length: 8 }, (_, index) => bytes.readFloatLE(4 * index))).toEqual(
    floats.embedding,
  );
});

test.each([
  [[1, 2, 3], 1, 3],
  [[[1, 2, 3], [4]], 2, 4],
])('takes tokens for a text: %j', async (input, vectors, tokens) => {
  const answer = await embed({ input, dimensions: 4 });
  expect(answer.data).toHaveLength(vectors);
  expect(answer.usage.prompt_tokens).toBe(tokens);
});

test.each([
  [{}, 'input'],
  [{ input: '' }, 'input'],
  [{ input: [] }, 'input'],
  [{ input: ['one', 2] }, 'input'],
  [{ input: Array(2049).fill('x') }, 'input'],
  [{ input: 'one', dimensions: 0 }, 'dimensions'],
  [{ input: 'one', dimensions: 1.5 }, 'dimensions'],
  [{ input: 'one', encoding_format: 'hex' }, 'encoding_format'],
])('refuses %#', async (body, param) => {
  const answer = await ask(await useMock(), '/embeddings', { model, ...body });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text).error).toMatchObject({ type: 'invalid_request_error', param });
});
