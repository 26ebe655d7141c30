import { Problem } from './problems.js';
import type { Settings } from './settings.js';

/** Lets MAX_CONCURRENCY calls go upstream at a time, and MAX_QUEUE wait for their turn in order. */
export class Admission {
  running = 0;
  /** A set keeps the order, and who leaves is gone at once. */
  readonly #waiting = new Set<() => void>();

  constructor(private readonly settings: Settings) {}

  get queued(): number {
    return this.#waiting.size;
  }

  /** Waits for a place. It is kept until the function that this resolves to is called. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.running < this.settings.MAX_CONCURRENCY) this.running += 1;
    else if (this.queued < this.settings.MAX_QUEUE) await this.#wait(signal);
    else throw overloaded('too many wait already', 'overloaded');
    return () => this.#leave();
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => {
        this.#waiting.delete(settle);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        error ? reject(error) : resolve();
      };
      const onAbort = () => settle(signal.reason);
      const onTimeout = () => settle(overloaded('there was no place in time', 'queue-timeout'));
      const timer = setTimeout(onTimeout, this.settings.QUEUE_TIMEOUT * 1000);
      signal.addEventListener('abort', onAbort);
      this.#waiting.add(settle);
    });
  }

  /** Whoever waits first takes over the place. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next) next();
    else this.running -= 1;
  }
}

const overloaded = (why: string, reason: string) =>
  new Problem('overloaded', `Try again: ${why}.`, { reason, headers: { 'retry-after': '1' } });
