import type { FastifyBaseLogger } from 'fastify';
import { Problem } from './problems.js';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
  interface FastifyInstance {
    exchanges: Exchanges;
  }
}

/** There is nobody left to answer. */
export class ClientLeft extends Error {}

/** One request, or one message on a WebSocket, and what becomes of it. */
export class Exchange {
  keyId: string | null = null;
  model: string | null = null;
  usage: { input_tokens: number; output_tokens: number } | null = null;
  problem: Problem | null = null;
  /** Milliseconds after the start. */
  firstToken: number | null = null;
  readonly startedAt = performance.now();
  readonly controller = new AbortController();
  /** Whatever is done here ends when this aborts: with ClientLeft, or with the problem to answer. */
  readonly signal = this.controller.signal;

  constructor(
    readonly id: string,
    readonly method: string,
    readonly route: string | null,
    readonly log: FastifyBaseLogger,
    readonly endsAt: number,
  ) {}
}

/**
 * All that goes on, and the one place that ends it early: when the client leaves, at the deadline,
 * and when the server stops. Not Fastify's `request.signal` or `handlerTimeout`: those abort as
 * soon as the body of a POST has been read.
 */
export class Exchanges {
  readonly #timers = new Map<Exchange, NodeJS.Timeout>();
  readonly #milliseconds: number;
  #isDraining = false;
  #whenEmpty = () => {};

  constructor(
    seconds: number,
    private readonly report: (exchange: Exchange, status: number) => void,
  ) {
    this.#milliseconds = seconds * 1000;
  }

  /** While the server stops, what begins has been told to end. */
  begin(id: string, method: string, route: string | null, log: FastifyBaseLogger): Exchange {
    const endsAt = performance.now() + this.#milliseconds;
    const exchange = new Exchange(id, method, route, log, endsAt);
    const late = new Problem('upstream-timeout', 'There was no complete answer in time.');
    const timer = setTimeout(() => exchange.controller.abort(late), this.#milliseconds);
    this.#timers.set(exchange, timer);
    if (this.#isDraining) exchange.controller.abort(stopping());
    return exchange;
  }

  /** Without a status it leaves no trace, such as a handshake that became a WebSocket. */
  end(exchange: Exchange, status?: number): void {
    clearTimeout(this.#timers.get(exchange));
    if (this.#timers.delete(exchange) && status) this.report(exchange, status);
    if (this.#timers.size === 0) this.#whenEmpty();
  }

  /** Takes nothing new, and resolves when all has come to its end or been cut off. */
  async drain(seconds: number): Promise<void> {
    this.#isDraining = true;
    if (this.#timers.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    const cut = () => {
      for (const { controller } of this.#timers.keys()) controller.abort(stopping());
      setTimeout(this.#whenEmpty, LAST_WORDS);
    };
    setTimeout(cut, seconds * 1000).unref();
    await empty;
  }
}

/** Milliseconds that those who are cut off get to hear so. */
const LAST_WORDS = 300;

const stopping = () =>
  new Problem('draining', 'This server stops. Another one may answer.', {
    headers: { 'retry-after': '1', connection: 'close' },
  });
