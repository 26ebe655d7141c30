import type { Connection } from './connection.ts';

/** Decides when a request begins, and over which connection. */
export interface Pace {
  start(connections: readonly Connection[]): void;
  /** A connection can carry the next request. */
  free(connection: Connection): void;
  /** The time is up. @returns how many requests were to begin, but could not */
  end(): number;
  stop(): void;
}

export interface PaceOptions {
  /** Milliseconds of `performance.now()` at which the measured time begins. */
  readonly from: number;
  /** Milliseconds of `performance.now()` at which the last request may begin. */
  readonly to: number;
  /** Begins a request whose time runs from `startedAt`. */
  readonly begin: (connection: Connection, startedAt: number) => void;
}

/**
 * Each connection asks again as soon as it has the whole answer. They begin spread over the
 * warm-up: those that began together would go on in step, and their answers would come in waves.
 */
export function createClosedLoop({ from, to, begin }: PaceOptions): Pace {
  const timers: NodeJS.Timeout[] = [];
  const free = (connection: Connection): void => {
    const now = performance.now();
    if (now < to) begin(connection, now);
  };
  return {
    start(connections) {
      const spread = (from - performance.now()) / connections.length;
      for (const [nth, connection] of connections.entries()) {
        timers.push(setTimeout(free, nth * spread, connection));
      }
    },
    free,
    end: () => 0,
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Up to this rate the last millisecond before a start is spent looking at the clock. */
const MAX_EXACT_RATE = 200;

/**
 * So many requests a second, whatever becomes of them. Their times run from when each was to
 * begin: a server that stalls for a second makes those wait that come in this second, and a loop
 * that waited with it would not tell. A start for which no connection is free waits for one.
 */
export function createOpenLoop({ to, begin, rate }: PaceOptions & { readonly rate: number }): Pace {
  const startedAt = performance.now();
  const total = Math.ceil(((to - startedAt) * rate) / 1000);
  const idle: Connection[] = [];
  let begun = 0;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;
  const planned = (nth: number): number => startedAt + (1000 * nth) / rate;

  const beginDue = (): void => {
    timer = soon = undefined;
    if (isOver) return;
    const now = performance.now();
    while (begun < total && planned(begun) <= now) {
      const connection = idle.pop();
      // The next one that becomes free goes on from here.
      if (connection === undefined) return;
      begin(connection, planned(begun++));
    }
    if (begun < total) waitUntil(planned(begun) - now);
  };

  const waitUntil = (ms: number): void => {
    // Timers come up to a millisecond late, which at low rates would be most of what is measured.
    const isExact = rate <= MAX_EXACT_RATE;
    if (isExact && ms < 2) soon = setImmediate(beginDue);
    else timer = setTimeout(beginDue, isExact ? ms - 1 : ms);
  };

  const stop = (): void => {
    clearTimeout(timer);
    clearImmediate(soon);
    isOver = true;
  };

  return {
    start(connections) {
      idle.push(...connections);
      beginDue();
    },
    free(connection) {
      idle.push(connection);
      if (timer === undefined && soon === undefined) beginDue();
    },
    end() {
      // A timer that is late leaves some that are due.
      clearTimeout(timer);
      clearImmediate(soon);
      beginDue();
      stop();
      return total - begun;
    },
    stop,
  };
}
