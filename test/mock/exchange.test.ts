import { ServerResponse } from 'node:http';
import { afterEach, expect, test, vi } from 'vitest';
import { Exchange } from '../../src/mock/exchange.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('nothing goes on for a caller who is gone', () => {
  vi.useFakeTimers();
  const request = { method: 'GET' } as ConstructorParameters<typeof ServerResponse>[0];
  const exchange = new Exchange(new ServerResponse(request), 'req_mock_0', () => {});
  const next = vi.fn();
  exchange.after(100, next);
  exchange.stop();
  vi.runAllTimers();
  expect(next).not.toHaveBeenCalled();
});
