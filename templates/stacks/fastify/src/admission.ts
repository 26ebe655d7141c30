import { Problem } from './problems.js';
import type { Settings } from './settings.js';

/** Lets MAX_CONCURRENCY calls go upstream at a time, and MAX_QUEUE wait for their turn in order. */
export class Admission {
  running = 0;
  /** A set keeps the order, and who leaves is gone at once. */
  readonly waiting = new Set<() => void>();

  constructor(private readonly settings: Settings) {}

  /** Waits for a place, and keeps it until `use` has come to its end. */
  async run(signal: AbortSignal, use: () => Promise<unknown>): Promise<unknown> {
    signal.throwIfAborted();
    if (this.running < this.settings.MAX_CONCURRENCY) this.running += 1;
    else if (this.waiting.size < this.settings.MAX_QUEUE) await this.#wait(signal);
    else throw overloaded('overloaded');
    try {
      return await use();
    } finally {
      // Whoever waits first takes over the place.
      const [next] = this.waiting;
      if (next) next();
      else this.running -= 1;
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => {
        this.waiting.delete(settle);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        error ? reject(error) : resolve();
      };
      const onAbort = () => settle(signal.reason);
      const onTimeout = () => settle(overloaded('queue-timeout'));
      const timer = setTimeout(onTimeout, this.settings.QUEUE_TIMEOUT * 1000);
      signal.addEventListener('abort', onAbort);
      this.waiting.add(settle);
    });
  }
}

const overloaded = (reason: string) =>
  new Problem('overloaded', 'Too many requests are in front of this one.', {
    reason,
    headers: { 'retry-after': '1' },
  });
