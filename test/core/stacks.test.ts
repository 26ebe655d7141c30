import { describe, expect, test } from 'vitest';
import { CliError } from '../../src/core/errors.ts';
import { languageOf, layoutOf, parseStackManifest, stackOf } from '../../src/core/stacks.ts';

test.each([
  ['async', 'python', 'fastapi'],
  ['simple', 'python', 'flask'],
  ['async', 'typescript', 'fastify'],
  ['simple', 'typescript', 'express'],
] as const)('%s %s is %s', (layout, language, stack) => {
  expect(stackOf(layout, language)).toBe(stack);
  expect([layoutOf(stack), languageOf(stack)]).toEqual([layout, language]);
});

describe('stack.json', () => {
  const whole = {
    title: 'T',
    summary: 's',
    layout: 'async',
    language: 'python',
    commands: {},
    env: [],
  };

  test('is read as it is', () => {
    expect(parseStackManifest('flask', JSON.stringify(whole))).toEqual(whole);
  });

  test.each(Object.keys(whole))('without "%s" the package is damaged', (key) => {
    const text = JSON.stringify({ ...whole, [key]: undefined });
    const act = () => parseStackManifest('flask', text);
    expect(act).toThrow(CliError);
    expect(act).toThrow(`The template "flask" is damaged: its stack.json has no "${key}".`);
  });
});
