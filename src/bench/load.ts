import { performance } from 'node:perf_hooks';
import { Connection, type Exchange, type Listener } from './connection.ts';
import { createClosedLoop, createOpenLoop } from './pace.ts';
import { Tally } from './tally.ts';
import type { Target } from './target.ts';
import { untilAborted } from './until-aborted.ts';

export interface LoadOptions {
  /** Requests that may be under way at once. */
  readonly connections: number;
  /** Requests that begin each second; undefined: as soon as a connection is free. */
  readonly rate?: number | undefined;
  /** Seconds that are measured. */
  readonly duration: number;
  /** Seconds before them that are not. */
  readonly warmup: number;
  /** Ends it at once; the promise then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called several times a second. */
  readonly onProgress?: (tally: Tally, underWay: number) => void;
}

const SWEEP_MS = 100;
/** Before a server that refused a connection is tried again. */
const RETRY_MS = 100;

/** Asks for as long as it is told, then waits for the answers still to come. */
export async function runLoad(target: Target, options: LoadOptions): Promise<Tally> {
  const { rate, duration, warmup, signal, onProgress } = options;
  signal?.throwIfAborted();
  const from = performance.now() + 1000 * warmup;
  const to = from + 1000 * duration;
  const tally = new Tally({ from, to });
  const timers = new Set<NodeJS.Timeout>();
  let underWay = 0;
  let isOver = false;
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const after = (ms: number, next: () => void): void => {
    // A timer leaves fractions out, and would come early.
    const timer = setTimeout(() => {
      timers.delete(timer);
      next();
    }, Math.ceil(ms));
    timers.add(timer);
  };

  const begin = (connection: Connection, startedAt: number): void => {
    underWay++;
    connection.send(startedAt);
  };
  const span = { from, to, begin };
  const pace = rate ? createOpenLoop({ ...span, rate }) : createClosedLoop(span);
  const listener: Listener = {
    received: (bytes, now) => tally.received(bytes, now),
    event: (gap, now) => tally.event(gap, now),
    ended: (exchange: Exchange, connection: Connection) => {
      underWay--;
      tally.ended(exchange);
      if (exchange.failure?.startsWith('connect')) after(RETRY_MS, () => pace.free(connection));
      else pace.free(connection);
      if (isOver && underWay === 0) settle();
    },
  };
  const connections = Array.from(
    { length: options.connections },
    () => new Connection(target, listener),
  );
  const sweep = setInterval(() => {
    const now = performance.now();
    for (const connection of connections) connection.giveUpAfterTimeout(now);
    onProgress?.(tally, underWay);
  }, SWEEP_MS);
  let utilization = performance.eventLoopUtilization();
  after(from - performance.now(), () => {
    utilization = performance.eventLoopUtilization();
  });
  after(to - performance.now(), () => {
    isOver = true;
    tally.busy = performance.eventLoopUtilization(utilization).utilization;
    tally.unsent = pace.end();
    if (underWay === 0) settle();
  });
  try {
    pace.start(connections);
    await untilAborted(settled, signal);
    return tally;
  } finally {
    pace.stop();
    clearInterval(sweep);
    for (const timer of timers) clearTimeout(timer);
    for (const connection of connections) connection.close();
  }
}
