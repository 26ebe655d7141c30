import { expect, onTestFinished, test, vi } from 'vitest';
import { listenForStop } from '../../src/effects/stop-requests.ts';

const LATER = 'later';

/** What a promise has come to by now. */
function now<Value>(promise: Promise<Value>): Promise<Value | typeof LATER> {
  return Promise.race([promise, Promise.resolve(LATER as typeof LATER)]);
}

function listen() {
  const requests = listenForStop();
  onTestFinished(requests.dispose);
  return requests;
}

test('a closed terminal asks as SIGTERM does', async () => {
  const requests = listen();
  process.emit('SIGHUP', 'SIGHUP');
  expect(await requests.asked).toBe('SIGTERM');
});

test('only a Ctrl-C that is no echo of the first insists', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
  onTestFinished(() => clock.mockRestore());
  const requests = listen();
  process.emit('SIGINT', 'SIGINT');
  clock.mockReturnValue(1050);
  process.emit('SIGINT', 'SIGINT');
  clock.mockReturnValue(2000);
  process.emit('SIGTERM', 'SIGTERM');
  expect(await now(requests.insisted)).toBe(LATER);
  clock.mockReturnValue(2500);
  process.emit('SIGINT', 'SIGINT');
  expect(await now(requests.insisted)).toBeUndefined();
  expect(await requests.asked).toBe('SIGINT');
});

test('afterwards the signals are as they were', () => {
  const before = process.listenerCount('SIGINT');
  const requests = listenForStop();
  expect(process.listenerCount('SIGINT')).toBe(before + 1);
  requests.dispose();
  expect(process.listenerCount('SIGINT')).toBe(before);
});
