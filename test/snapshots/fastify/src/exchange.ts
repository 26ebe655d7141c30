import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { Problem, toProblem } from './problems.js';
import type { Settings } from './settings.js';

type Done<T> = (error?: unknown, value?: T) => void;
type Start<T> = (done: Done<T>) => () => void;

/** One request, or one message on a WebSocket, and what becomes of it. */
export class Exchange {
  keyId: string | null = null;
  model: string | null = null;
  usage: { input_tokens: number; output_tokens: number } | null = null;
  /** What else the provider says of its answer. */
  end: Record<'finish_reason' | 'model', string | null> = { finish_reason: null, model: null };
  readonly startedAt = performance.now();
  /** Milliseconds after the start. */
  firstToken: number | null = null;
  /** Why it has no good end. */
  failure: Problem | undefined;
  /** More for the provider, and for the log. */
  more?: Record<'headers' | 'labels', Record<string, string>>;
  /** Stops what is waited for: one thing at a time. */
  onAbort = (_reason: Error) => {};
  /** As it was declared. Read once: Fastify makes an object of all options for each look. */
  route = 'unknown';
  /** Ends it when its time is over. */
  timer?: NodeJS.Timeout;

  constructor(
    readonly id: string,
    readonly reply: FastifyReply,
  ) {}

  fail(error: unknown): Problem {
    this.failure ??= toProblem(error as Error);
    return this.failure;
  }

  abort(reason: Problem): void {
    if (!this.failure) this.onAbort(this.fail(reason));
  }

  throwIfAborted(): void {
    if (this.failure) throw this.failure;
  }

  /** Waits until `start` calls back, an abort, or that time; then calls what `start` returned. */
  wait<T = void>(start: Start<T>, seconds?: number, late?: Problem): Promise<T> {
    return new Promise((resolve, reject) => {
      this.throwIfAborted();
      const done: Done<T> = (error, value) => {
        clearTimeout(timer);
        stop();
        if (error) reject(error);
        else resolve(value as T);
      };
      this.onAbort = done;
      const timer = seconds === undefined ? seconds : setTimeout(done, 1000 * seconds, late);
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
  /** Is told of each exchange that has ended, with its status. */
  report = (_exchange: Exchange, _status: number) => {};
  // No Map: what was in one that changes all the time is held by its old tables, and outlives many
  // garbage collections with all of its request.
  readonly #open: Exchange[] = [];
  #isDraining = false;

  constructor(readonly settings: Settings) {}

  begin(id: string, reply: FastifyReply): Exchange {
    const exchange = new Exchange(id, reply);
    exchange.route = reply.request.routeOptions.url ?? exchange.route;
    this.#open.push(exchange);
    const late = () => exchange.abort(new Problem('upstream-timeout'));
    exchange.timer = setTimeout(late, this.settings.REQUEST_TIMEOUT * 1000);
    if (this.#isDraining) exchange.abort(stopping());
    return exchange;
  }

  /** Without a status it leaves no trace, such as a handshake that became a WebSocket. */
  end(exchange: Exchange, status?: number): void {
    const place = this.#open.indexOf(exchange);
    if (place < 0) return;
    this.#open.splice(place, 1);
    clearTimeout(exchange.timer);
    if (status) this.report(exchange, status);
  }

  /** Waits for one of MAX_CONCURRENCY places, and keeps it until `use` has come to its end. */
  async admit<T>(exchange: Exchange, use: () => Promise<T>): Promise<T> {
    const { MAX_CONCURRENCY, MAX_QUEUE, QUEUE_TIMEOUT } = this.settings;
    if (this.running < MAX_CONCURRENCY) this.running += 1;
    else if (this.waiting.size >= MAX_QUEUE) throw overloaded('overloaded');
    else await exchange.wait(this.#queue, QUEUE_TIMEOUT, overloaded('queue-timeout'));
    try {
      return await use();
    } finally {
      // Whoever waits first takes over the place.
      const [next] = this.waiting;
      if (next) next();
      else this.running -= 1;
    }
  }

  #queue = (next: () => void) => {
    this.waiting.add(next);
    return () => void this.waiting.delete(next);
  };

  /** What begins from now on is told to end. Resolves when all has, or has been cut off. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const until = performance.now() + this.settings.DRAIN_TIMEOUT * 1000;
    while (this.#open.length > 0 && performance.now() < until) await sleep(20);
    for (const exchange of [...this.#open]) exchange.abort(stopping());
    // For the last words to those who are cut off.
    if (this.#open.length > 0) await sleep(300);
  }
}

const RETRY = { 'retry-after': '1' };
const overloaded = (reason: string) => new Problem('overloaded', { reason, headers: RETRY });
const stopping = () => new Problem('draining', { headers: { ...RETRY, connection: 'close' } });
