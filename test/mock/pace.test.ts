import { expect, test } from 'vitest';
import { ask, chat, readWords, useMock } from './ask.ts';

/** Twelve tokens: at 50 a second the last comes 220 ms after the first. */
const some = { max_tokens: 12 };

async function time(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

// Only lower bounds: a busy machine is late, but the mock must never be early.
test.each([
  ['plain', chat(some)],
  ['streamed', chat({ ...some, stream: true })],
])('a %s answer takes its time', async (_, body) => {
  const mock = await useMock({ timeToFirstToken: 100, tokensPerSecond: 50 });
  expect(await time(() => ask(mock, '/chat/completions', body))).toBeGreaterThan(315);
  mock.setPace({ timeToFirstToken: 0 });
  expect(await time(() => ask(mock, '/chat/completions', body))).toBeGreaterThan(215);
  mock.setPace({ tokensPerSecond: 0, timeToFirstToken: 150 });
  expect(await time(() => ask(mock, '/chat/completions', body))).toBeGreaterThan(145);
});

test('a paced stream has the same words, and comes in several parts', async () => {
  const mock = await useMock({ tokensPerSecond: 100 });
  const body = chat({ stream: true });
  const first = await ask(mock, '/chat/completions', body, { until: 'Hello' });
  expect(first.text, 'the first token does not wait for the rest').not.toContain('[DONE]');
  const paced = await ask(mock, '/chat/completions', body);
  mock.setPace({ tokensPerSecond: 0 });
  const quick = await ask(mock, '/chat/completions', body);
  expect(readWords(paced.text)).toBe(readWords(quick.text));
  expect(paced.broke).toBe(false);
});

test('a rate beyond the grain of a timer holds', async () => {
  const mock = await useMock({ tokensPerSecond: 5000 });
  const answer = await ask(mock, '/chat/completions', chat({ stream: true }));
  expect(answer.text).toMatch(/\[DONE\]/);
});

test('what is not said takes no time', async () => {
  const mock = await useMock({ timeToFirstToken: 60_000, fault: 'server-error' });
  expect((await ask(mock, '/chat/completions', chat())).status).toBe(500);
  mock.setFault(undefined);
  expect((await ask(mock, '/models')).status).toBe(200);
  expect((await ask(mock, '/embeddings', { model: 'x', input: 'x' })).status).toBe(200);
});
