import { expect, test } from 'vitest';
import { formatGreeting } from '../../src/core/greeting.ts';

const greeting = {
  title: 'Fastify',
  layout: 'async',
  url: 'http://127.0.0.1:8000',
  upstream: 'the built-in mock',
  windows: false,
} as const;

test('an async server has docs, and every server a request to paste', () => {
  expect(formatGreeting(greeting)).toBe(`
Fastify is ready.
  address   http://127.0.0.1:8000
  docs      http://127.0.0.1:8000/docs
  upstream  the built-in mock

  curl http://127.0.0.1:8000/generate -H 'Content-Type: application/json' -d '{"prompt":"Hello"}'
`);
});

test('a simple one has none', () => {
  expect(formatGreeting({ ...greeting, layout: 'simple' })).not.toContain('/docs');
});

test('the request is quoted for the shells of Windows', () => {
  expect(formatGreeting({ ...greeting, windows: true })).toContain(
    '-H "Content-Type: application/json" -d "{\\"prompt\\":\\"Hello\\"}"',
  );
});
