import { expect, vi } from 'vitest';
import type { OpenAnswer } from './http.ts';

/**
 * Waits until the assertion holds.
 * Not `expect.poll`, which does not know its test where tests of several servers run side by side.
 */
export function eventually(assertion: () => unknown, seconds = 5): Promise<unknown> {
  return vi.waitFor(assertion, { timeout: 1000 * seconds, interval: 20 });
}

export async function waitForToken(answer: OpenAnswer): Promise<void> {
  await eventually(() => expect(answer.received()).toContain('data: {"text":'));
}
