import { Connection, type Exchange } from './connection.ts';
import { Tally } from './tally.ts';
import type { Target } from './target.ts';

export interface LoadOptions {
  readonly connections: number;
  /** Seconds that are measured. */
  readonly duration: number;
  /** Seconds before them that are not. */
  readonly warmup: number;
  /** Ends it at once; the promise then rejects with its reason. */
  readonly signal?: AbortSignal;
}

const SWEEP_MS = 100;
/** Before a server that refused a connection is tried again. */
const RETRY_MS = 100;

/**
 * Keeps so many requests under way, each connection asking again as soon as it has the whole
 * answer, then waits for the answers still to come.
 */
export async function runClosedLoop(target: Target, options: LoadOptions): Promise<Tally> {
  const { connections: count, duration, warmup, signal } = options;
  const from = performance.now() + 1000 * warmup;
  const to = from + 1000 * duration;
  const tally = new Tally({ from, to });
  const retries = new Set<NodeJS.Timeout>();
  let underWay = count;
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });

  const next = (connection: Connection): void => {
    const now = performance.now();
    if (now < to) connection.send(now);
    else if (--underWay === 0) settle();
  };
  const listener = {
    received: (bytes: number, now: number) => tally.received(bytes, now),
    event: (gap: number | undefined, now: number) => tally.event(gap, now),
    ended: (exchange: Exchange, connection: Connection) => {
      tally.ended(exchange);
      if (exchange.failure !== 'connect') return next(connection);
      const retry = setTimeout(() => {
        retries.delete(retry);
        next(connection);
      }, RETRY_MS);
      retries.add(retry);
    },
  };
  const connections = Array.from({ length: count }, () => new Connection(target, listener));
  const sweep = setInterval(() => {
    const now = performance.now();
    for (const connection of connections) connection.giveUpAfterTimeout(now);
  }, SWEEP_MS);
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    signal?.throwIfAborted();
    for (const connection of connections) next(connection);
    await Promise.race([settled, aborted]);
    return tally;
  } finally {
    clearInterval(sweep);
    for (const retry of retries) clearTimeout(retry);
    for (const connection of connections) connection.close();
  }
}
