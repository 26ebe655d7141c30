import type { ServerResponse } from 'node:http';
import type { Outcome } from './record.ts';

/** One request being answered. It holds at most one timer, which ends with the connection. */
export class Exchange {
  readonly #response: ServerResponse;
  readonly #id: string;
  readonly #settle: (outcome: Outcome) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, id: string, settle: (outcome: Outcome) => void) {
    this.#response = response;
    this.#id = id;
    this.#settle = settle;
  }

  /** The whole answer at once: Node sends a head and a text body in a single write. */
  send(outcome: Outcome, status: number, body: string, headers: readonly string[] = JSON_TYPE) {
    this.begin(status, [...headers, 'Content-Length', String(Buffer.byteLength(body))]);
    this.end(outcome, body);
  }

  begin(status: number, headers: readonly string[]): void {
    this.#response.writeHead(status, [...headers, 'x-request-id', this.#id]);
  }

  /** Pushes the head out before there is a body. */
  flush(): void {
    this.#response.flushHeaders();
  }

  /** A slow reader is not waited for: an answer is small, and a drip is slow. */
  write(text: string): void {
    this.#response.write(text);
  }

  end(outcome: Outcome, text = ''): void {
    this.#settle(outcome);
    // Text of one byte a character takes a shorter way through Node.
    this.#response.end(text, Buffer.byteLength(text) === text.length ? 'latin1' : 'utf8');
  }

  reset(): void {
    this.#settle('faulted');
    this.#response.socket?.resetAndDestroy();
  }

  after(ms: number, next: () => void): void {
    if (ms <= 0) next();
    else this.#timer = setTimeout(next, ms);
  }

  /** The connection has closed, whoever ended it. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}

export const JSON_TYPE: readonly string[] = ['Content-Type', 'application/json'];
