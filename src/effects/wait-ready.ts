import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
const ANSWER_MS = 2000;

/**
 * Resolves once `GET /healthz`, or another path, answers 200; rejects when the signal says that it
 * never will.
 * @param slow what to say, once, when it takes long
 */
export async function waitUntilReady(
  url: string,
  signal: AbortSignal,
  slow: { readonly afterMs: number; readonly say: () => void },
  path = '/healthz',
): Promise<void> {
  const timer = setTimeout(slow.say, slow.afterMs);
  try {
    while (!(await isHealthy(`${url}${path}`, signal))) await sleep(POLL_MS, undefined, { signal });
  } finally {
    clearTimeout(timer);
  }
}

/** A connection of its own, closed afterwards: one kept open would hold up the server's end. */
function isHealthy(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: ANSWER_MS, signal }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
