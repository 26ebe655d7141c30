import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeAnswer } from '../../src/mock/answer.ts';

const GREETING = writeAnswer('').text;

test.each([
  ['an empty prompt', ' \n ', GREETING],
  ['white space', ' two\n\n lines\t', `${GREETING} You wrote: two lines`],
  ['a long prompt', 'x'.repeat(81), `${GREETING} You wrote: ${'x'.repeat(80)}...`],
  ['a prompt of 80 pairs', '🦜'.repeat(80), `${GREETING} You wrote: ${'🦜'.repeat(80)}`],
  ['half a pair', 'a\ud83e', `${GREETING} You wrote: a\ufffd`],
])('echoes %s', (_, prompt, text) => {
  expect(writeAnswer(prompt)).toMatchObject({ text, cut: false });
});

test('looks at no more than the start of a huge prompt', () => {
  const { text } = writeAnswer(`${' '.repeat(1000)}${'x'.repeat(10_000_000)}`);
  expect(text.length).toBeLessThan(300);
});

test('its tokens are its text, and are cut only at their borders', () => {
  const limit = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), limit, (prompt, max) => {
      const whole = writeAnswer(prompt);
      const some = writeAnswer(prompt, max);
      expect(whole.tokens.join('')).toBe(whole.text);
      expect(some.tokens).toEqual(whole.tokens.slice(0, max));
      expect(some.text).toBe(some.tokens.join(''));
      expect(some.cut).toBe(max < whole.tokens.length);
      expect(whole.text, 'a lone surrogate').not.toMatch(/\p{Surrogate}/u);
    }),
  );
});

test('is as long as it is told to be, up to the limit', () => {
  const long = writeAnswer('', undefined, 100);
  expect(long.tokens).toHaveLength(100);
  expect(long).toMatchObject({ text: long.tokens.join(''), cut: false });
  expect(writeAnswer('', 10, 100)).toMatchObject({ tokens: long.tokens.slice(0, 10), cut: true });
});
