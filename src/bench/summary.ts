import type { Failure } from './connection.ts';
import type { Histogram } from './histogram.ts';
import type { Tally } from './tally.ts';

/** Milliseconds. */
export interface Times {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

/** What `--json` prints of one measurement. */
export interface Summary {
  /** Answers that came, whole, within the time that was measured. */
  readonly requests: number;
  /** Those, and of each that was under way when it began or ended the share that lies within it. */
  readonly requestsPerSecond: number;
  /** The same for each third of the time: alike, when nothing changed meanwhile. */
  readonly byThird: readonly number[];
  /** Of the requests begun within that time, from their start to the answer's end; 0: of none. */
  readonly latency: Times;
  /** Streams only: from a request's start to its first event, and from event to event. */
  readonly firstToken?: Times;
  readonly gap?: Times;
  readonly events?: number;
  readonly eventsPerSecond?: number;
  /** Streams that ended without `[DONE]`: cut off, or of a server that sends none. */
  readonly withoutDone?: number;
  /** Open loop only: requests that were to begin and could not, and how late the others did. */
  readonly unsent?: number;
  readonly delay?: Times;
  /** All that failed after the warm-up, though they began in it. */
  readonly failed: number;
  readonly errors: readonly { readonly kind: Failure; readonly count: number }[];
  readonly bytesReceived: number;
  /** The share of the time that the generator worked, 0 to 1. */
  readonly generatorBusy: number;
}

export interface SummaryOptions {
  readonly stream: boolean;
  readonly rate?: number | undefined;
}

export function summarize(tally: Tally, { stream, rate }: SummaryOptions): Summary {
  const seconds = (tally.window.to - tally.window.from) / 1000;
  return {
    requests: tally.answers,
    requestsPerSecond: round(sum(tally.answersOverTime) / seconds),
    byThird: [0, 1, 2].map((nth) => round((3 * sumThird(tally.answersOverTime, nth)) / seconds)),
    latency: summarizeTimes(tally.latency),
    ...(stream && {
      firstToken: summarizeTimes(tally.firstToken),
      gap: summarizeTimes(tally.gap),
      events: tally.events,
      eventsPerSecond: round(tally.events / seconds),
      withoutDone: tally.endless,
    }),
    ...(rate !== undefined && { unsent: tally.unsent, delay: summarizeTimes(tally.delay) }),
    failed: tally.failed,
    errors: [...tally.failures]
      .map(([kind, count]) => ({ kind, count }))
      .sort((a, b) => b.count - a.count),
    bytesReceived: tally.bytes,
    generatorBusy: round(tally.busy),
  };
}

function sumThird(counts: Float64Array, nth: number): number {
  const { length } = counts;
  return sum(counts.subarray((nth * length) / 3, ((nth + 1) * length) / 3));
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}

function summarizeTimes(histogram: Histogram): Times {
  return {
    p50: round(histogram.quantile(0.5)),
    p90: round(histogram.quantile(0.9)),
    p99: round(histogram.quantile(0.99)),
    p999: round(histogram.quantile(0.999)),
    max: round(histogram.max),
    mean: round(histogram.mean),
  };
}

/** Three decimals: a microsecond, of which more would be noise. */
function round(value: number): number {
  return Math.round(1000 * value) / 1000;
}
