import { setTimeout as sleep } from 'node:timers/promises';
import { Problem, toProblem } from './problems.js';
import type { Settings } from './settings.js';

type Done<T> = (error?: unknown, value?: T) => void;
/** One request, or one message on a WebSocket, and what becomes of it. */
export class Exchange {
  keyId: string | null = null;
  model: string | null = null;
  usage: { input_tokens: number; output_tokens: number } | null = null;
  readonly startedAt = performance.now();
  /** Milliseconds after the start. */
  firstToken: number | null = null;
  /** Why it has no good end. */
  failure: Problem | undefined;
  /** Stops what is waited for: one thing at a time. */
  onAbort = (_reason: Error) => {};

  constructor(
    readonly id: string,
    readonly method: string,
    readonly route = 'unknown',
  ) {}

  fail(error: unknown): Problem {
    this.failure ??= toProblem(error as Error);
    return this.failure;
  }

  abort(reason: Problem): void {
    if (this.failure) return;
    this.failure = reason;
    this.onAbort(reason);
  }

  throwIfAborted(): void {
    if (this.failure) throw this.failure;
  }

  /** Waits until `start` calls back, or for an abort; then calls what `start` returned. */
  wait<T = void>(start: (done: Done<T>) => () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.throwIfAborted();
      const done: Done<T> = (error, value) => {
        stop();
        if (error) reject(error);
        else resolve(value as T);
      };
      this.onAbort = done;
      const stop = start(done);
    });
  }
}

/**
 * All that goes on, and the one place that ends it early. Not Fastify's `request.signal` or
 * `handlerTimeout`: those abort as soon as the body of a POST has been read.
 */
export class Traffic {
  /** Calls upstream, and who waits to be one, in order. */
  running = 0;
  readonly waiting = new Set<() => void>();
  readonly #open = new Map<Exchange, NodeJS.Timeout>();
  #isDraining = false;

  constructor(
    readonly settings: Settings,
    readonly report: (exchange: Exchange, status: number) => void,
  ) {}

  begin(id: string, method: string, route: string | undefined): Exchange {
    const exchange = new Exchange(id, method, route);
    const late = () => exchange.abort(new Problem('upstream-timeout'));
    this.#open.set(exchange, setTimeout(late, this.settings.REQUEST_TIMEOUT * 1000));
    if (this.#isDraining) exchange.abort(stopping());
    return exchange;
  }

  /** Without a status it leaves no trace, such as a handshake that became a WebSocket. */
  end(exchange: Exchange, status?: number): void {
    clearTimeout(this.#open.get(exchange));
    if (this.#open.delete(exchange) && status) this.report(exchange, status);
  }

  /** Waits for one of MAX_CONCURRENCY places, and keeps it until `use` has come to its end. */
  async admit<T>(exchange: Exchange, use: () => Promise<T>): Promise<T> {
    if (this.running < this.settings.MAX_CONCURRENCY) this.running += 1;
    else await this.#queue(exchange);
    try {
      return await use();
    } finally {
      // Whoever waits first takes over the place.
      const [next] = this.waiting;
      if (next) next();
      else this.running -= 1;
    }
  }

  #queue(exchange: Exchange): Promise<void> {
    const { MAX_QUEUE, QUEUE_TIMEOUT } = this.settings;
    if (this.waiting.size >= MAX_QUEUE) throw overloaded('overloaded');
    return exchange.wait((done) => {
      const timer = setTimeout(() => done(overloaded('queue-timeout')), QUEUE_TIMEOUT * 1000);
      this.waiting.add(done);
      return () => {
        clearTimeout(timer);
        this.waiting.delete(done);
      };
    });
  }

  /** What begins from now on is told to end. Resolves when all has, or has been cut off. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const isOver = async (ms: number) => {
      const until = performance.now() + ms;
      while (this.#open.size > 0 && performance.now() < until) await sleep(20);
    };
    await isOver(this.settings.DRAIN_TIMEOUT * 1000);
    for (const exchange of this.#open.keys()) exchange.abort(stopping());
    // For the last words to those who are cut off.
    await isOver(300);
  }
}

const overloaded = (reason: string) =>
  new Problem('overloaded', { reason, headers: { 'retry-after': '1' } });
const stopping = () =>
  new Problem('draining', { headers: { 'retry-after': '1', connection: 'close' } });
