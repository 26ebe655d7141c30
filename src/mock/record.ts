import type { IncomingHttpHeaders } from 'node:http';
import type { Fault } from './faults.ts';

/**
 * How a request ended. `faulted`: by a fault, or because the mock was closed; `client-left`: the
 * caller hung up first; `completed`: all of the answer, an error answer too, was handed over.
 */
export type Outcome = 'completed' | 'client-left' | 'faulted';

/** One request as it came in. `outcome` and `endedAt` are undefined until it has ended. */
export interface MockRequest {
  readonly method: string;
  readonly path: string;
  /** Without the values of `authorization` and of other headers that carry keys. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The parsed JSON, or undefined where there was none. */
  readonly body: unknown;
  readonly fault: Fault | undefined;
  /** Milliseconds since 1970, as `Date.now()`. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly outcome: Outcome | undefined;
}

export interface MockCounts {
  readonly received: number;
  readonly open: number;
  readonly completed: number;
  readonly clientLeft: number;
  readonly faulted: number;
}

/** What the recorder itself holds: it fills in the end, and knows what the body weighs. */
export interface Recorded extends Mutable<MockRequest> {
  readonly serial: number;
  size: number;
}
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const KEPT = 1000;
const KEPT_BYTES = 32 * 1024 * 1024;
const SECRETS = ['authorization', 'api-key', 'x-api-key', 'cookie'] as const;

/** Keeps the last requests in a ring, bounded in number and in bytes; counting never stops. */
export class Recorder {
  readonly #ring: (Recorded | undefined)[] = [];
  #oldest = 0;
  #next = 0;
  #bytes = 0;
  readonly #counts = { completed: 0, clientLeft: 0, faulted: 0 };

  open(method: string, path: string, headers: IncomingHttpHeaders): Recorded {
    for (const name of SECRETS) if (headers[name] !== undefined) headers[name] = '(hidden)';
    if (this.#next - this.#oldest === KEPT) this.#drop();
    const record: Recorded = {
      serial: this.#next++,
      method,
      path,
      headers,
      body: undefined,
      fault: undefined,
      startedAt: Date.now(),
      endedAt: undefined,
      outcome: undefined,
      size: 0,
    };
    this.#ring[record.serial % KEPT] = record;
    return record;
  }

  keepBody(record: Recorded, body: unknown, size: number): void {
    if (record.serial < this.#oldest) return;
    record.body = body;
    record.size = size;
    this.#bytes += size;
    while (this.#bytes > KEPT_BYTES && this.#oldest < this.#next) this.#drop();
  }

  /** The first word counts: what happens to a request after its end is not of interest. */
  close(record: Recorded, outcome: Outcome): void {
    if (record.outcome) return;
    record.outcome = outcome;
    record.endedAt = Date.now();
    this.#counts[outcome === 'client-left' ? 'clientLeft' : outcome]++;
  }

  get requests(): readonly MockRequest[] {
    const start = this.#oldest % KEPT;
    const inOrder = this.#ring.slice(start).concat(this.#ring.slice(0, start));
    return inOrder.filter((record) => record !== undefined);
  }

  get counts(): MockCounts {
    const { completed, clientLeft, faulted } = this.#counts;
    const open = this.#next - completed - clientLeft - faulted;
    return { received: this.#next, open, completed, clientLeft, faulted };
  }

  #drop(): void {
    const slot = this.#oldest++ % KEPT;
    this.#bytes -= this.#ring[slot]?.size ?? 0;
    this.#ring[slot] = undefined;
  }
}
