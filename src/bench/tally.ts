import type { Exchange, Failure } from './connection.ts';
import { Histogram } from './histogram.ts';

/** Milliseconds of `performance.now()`. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Slices of the window, in each of which the answers are counted. */
const SLICES = 60;

/**
 * Adds up what happens. What comes within the window counts towards the rates; what was *begun*
 * within it counts towards times and errors, though it end later: else slow answers would be left
 * out just because they are slow.
 */
export class Tally {
  readonly latency = new Histogram();
  readonly firstToken = new Histogram();
  readonly gap = new Histogram();
  /** From when a request was to begin until it did: the generator's own share of the latency. */
  readonly delay = new Histogram();
  readonly failures = new Map<Failure, number>();
  readonly window: Window;
  /** How many answers came, and failed, in each sixtieth of the window. */
  readonly answersOverTime = new Float64Array(SLICES);
  readonly failuresOverTime = new Float64Array(SLICES);
  answers = 0;
  failed = 0;
  events = 0;
  bytes = 0;
  /** Streams that ended well, but without `[DONE]`. */
  endless = 0;
  /** Requests that were to begin and had not when the time was up. */
  unsent = 0;
  /** The share of the window in which this process had something to do. */
  busy = 0;

  constructor(window: Window) {
    this.window = window;
  }

  received(bytes: number, now: number): void {
    if (this.#isWithin(now)) this.bytes += bytes;
  }

  event(gap: number | undefined, now: number): void {
    if (!this.#isWithin(now)) return;
    this.events++;
    if (gap !== undefined) this.gap.record(gap);
  }

  ended({ startedAt, sentAt, firstEventAt, endedAt, failure, sawDone }: Exchange): void {
    if (this.#isWithin(endedAt)) this.#countOverTime(endedAt, failure !== undefined);
    if (!this.#isWithin(startedAt)) return;
    this.delay.record(sentAt - startedAt);
    if (firstEventAt > 0) this.firstToken.record(firstEventAt - startedAt);
    if (failure !== undefined) {
      this.failed++;
      this.failures.set(failure, 1 + (this.failures.get(failure) ?? 0));
      return;
    }
    this.latency.record(endedAt - startedAt);
    if (firstEventAt > 0 && !sawDone) this.endless++;
  }

  #countOverTime(now: number, failed: boolean): void {
    const { from, to } = this.window;
    const counts = failed ? this.failuresOverTime : this.answersOverTime;
    const slice = Math.min(SLICES - 1, Math.floor((SLICES * (now - from)) / (to - from)));
    counts[slice] = (counts[slice] ?? 0) + 1;
    if (!failed) this.answers++;
  }

  #isWithin(time: number): boolean {
    return time >= this.window.from && time < this.window.to;
  }
}
