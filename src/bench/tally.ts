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
 * Adds up what happens. An answer counts towards the rate with the share of its time that lies
 * within the window: where it takes as long as a model does, whole answers that happen to end there
 * would be too many or too few. What was *begun* within it counts towards the times, though it end
 * later: else slow answers would be left out just because they are slow. What failed counts unless
 * the window had not begun: it kept a connection from answering.
 */
export class Tally {
  readonly latency = new Histogram();
  readonly firstToken = new Histogram();
  readonly gap = new Histogram();
  /** From when a request was to begin until it did: the generator's own share of the latency. */
  readonly delay = new Histogram();
  readonly failures = new Map<Failure, number>();
  readonly window: Window;
  /** How many answers there were, in parts too, and how many failed, in each sixtieth of the window. */
  readonly answersOverTime = new Float64Array(SLICES);
  readonly failuresOverTime = new Float64Array(SLICES);
  /** Whole ones, that ended within the window. */
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
    if (failure === undefined) this.#spread(sentAt, endedAt);
    else if (endedAt >= this.window.from) this.#fail(failure, endedAt);
    // Where there is a backlog, all that is sent within the window was to begin before it.
    if (!this.#isWithin(startedAt) && !this.#isWithin(sentAt)) return;
    this.delay.record(sentAt - startedAt);
    if (firstEventAt > 0) this.firstToken.record(firstEventAt - startedAt);
    if (failure !== undefined) return;
    this.latency.record(endedAt - startedAt);
    if (firstEventAt > 0 && !sawDone) this.endless++;
  }

  #fail(failure: Failure, now: number): void {
    this.failed++;
    this.failures.set(failure, 1 + (this.failures.get(failure) ?? 0));
    if (!this.#isWithin(now)) return;
    const slice = Math.floor(this.#sliceOf(now));
    this.failuresOverTime[slice] = (this.failuresOverTime[slice] ?? 0) + 1;
  }

  /** One answer, over the slices that its time lies in. */
  #spread(sentAt: number, endedAt: number): void {
    if (this.#isWithin(endedAt)) this.answers++;
    const counts = this.answersOverTime;
    const [start, end] = [this.#sliceOf(sentAt), this.#sliceOf(endedAt)];
    const last = Math.min(SLICES - 1, Math.floor(end));
    for (let slice = Math.max(0, Math.floor(start)); slice <= last; slice++) {
      const part = Math.min(end, slice + 1) - Math.max(start, slice);
      counts[slice] = (counts[slice] ?? 0) + (end > start ? part / (end - start) : 1);
    }
  }

  /** Slices since the window began. */
  #sliceOf(time: number): number {
    const { from, to } = this.window;
    return (SLICES * (time - from)) / (to - from);
  }

  #isWithin(time: number): boolean {
    return time >= this.window.from && time < this.window.to;
  }
}
