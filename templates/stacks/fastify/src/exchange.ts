import type { FastifyBaseLogger } from 'fastify';
import { Problem } from './problems.js';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

/** There is nobody left to answer. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** One request, or one message on a WebSocket, and what becomes of it. */
export class Exchange {
  keyId: string | null = null;
  model: string | null = null;
  usage: { input_tokens: number; output_tokens: number } | null = null;
  problem: Problem | null = null;
  /** Milliseconds since the start. */
  firstToken: number | null = null;
  readonly #startedAt = performance.now();
  /** When the deadline passes, as `performance.now()` counts. */
  readonly endsAt: number;
  readonly #controller = new AbortController();
  /** All that is done for this exchange ends when it aborts, with `ClientLeft` or the answer. */
  readonly signal = this.#controller.signal;

  constructor(
    readonly id: string,
    readonly method: string,
    readonly route: string | null,
    readonly log: FastifyBaseLogger,
    seconds: number,
  ) {
    this.endsAt = this.#startedAt + seconds * 1000;
  }

  /** Milliseconds. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  abort(reason: Problem | ClientLeft): void {
    this.#controller.abort(reason);
  }
}

/**
 * All that is going on, and the one place that ends it early: when the client leaves, at the
 * deadline, or when the server stops. Not Fastify's `request.signal` or `handlerTimeout`: those
 * abort as soon as the body of a POST has been read.
 */
export class Exchanges {
  #draining = false;
  readonly #open = new Map<Exchange, NodeJS.Timeout>();
  #whenEmpty = () => {};

  constructor(
    private readonly seconds: number,
    private readonly report: (exchange: Exchange, status: number) => void,
  ) {}

  /** While the server stops, what begins has already been told to end. */
  begin(id: string, method: string, route: string | null, log: FastifyBaseLogger): Exchange {
    const exchange = new Exchange(id, method, route, log, this.seconds);
    const late = () => {
      const detail = 'There was no complete answer in time.';
      exchange.abort(new Problem('upstream-timeout', detail, { reason: 'REQUEST_TIMEOUT' }));
    };
    this.#open.set(exchange, setTimeout(late, this.seconds * 1000));
    if (this.#draining) exchange.abort(stopping());
    return exchange;
  }

  /** Not to be waited for any more, nor to be reported. */
  forget(exchange: Exchange): boolean {
    clearTimeout(this.#open.get(exchange));
    const wasOpen = this.#open.delete(exchange);
    if (this.#open.size === 0) this.#whenEmpty();
    return wasOpen;
  }

  end(exchange: Exchange, status: number): void {
    if (this.forget(exchange)) this.report(exchange, status);
  }

  /** Takes nothing new, and resolves when all has come to its end or been cut off. */
  async drain(seconds: number): Promise<void> {
    this.#draining = true;
    if (this.#open.size === 0) return;
    const cut = () => {
      for (const exchange of this.#open.keys()) exchange.abort(stopping());
      setTimeout(this.#whenEmpty, GRACE);
    };
    const timer = setTimeout(cut, seconds * 1000);
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    clearTimeout(timer);
  }
}

/** Milliseconds that those who were cut off get to hear so. */
const GRACE = 300;

const stopping = () =>
  new Problem('draining', 'This server is about to stop. Another one may answer.', {
    headers: { 'retry-after': '1', connection: 'close' },
  });

/** The one line that a request, or a message on a WebSocket, leaves in the log. */
export function logExchange(exchange: Exchange, status: number): void {
  const { method, route, usage, problem, firstToken } = exchange;
  const line = {
    method,
    route,
    // 499 is what proxies log when the client left.
    status,
    outcome: problem?.slug ?? (status === 499 ? 'client_closed' : 'ok'),
    reason: problem?.extras.reason,
    duration_ms: Math.round(exchange.age),
    ttft_ms: firstToken && Math.round(firstToken),
    input_tokens: usage?.input_tokens ?? null,
    output_tokens: usage?.output_tokens ?? null,
    key_id: exchange.keyId,
  };
  exchange.log.info(line, 'request');
}
