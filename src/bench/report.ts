import type { Summary } from './summary.ts';

/** How the mock answers behind the server that is measured. */
export interface UpstreamPace {
  /** Milliseconds before the first token. */
  readonly ttft: number;
  /** Tokens a second; 0: all at once. */
  readonly tps: number;
  /** In each answer; undefined: as many as its words have. */
  readonly tokens?: number | undefined;
}

export interface BenchedStack {
  readonly title: string;
  readonly processes: number;
}

/** The mock, measured without a server before it. */
interface Ceiling {
  readonly requestsPerSecond: number;
}

/** One measurement, as `--json` prints it. */
export interface Report extends Summary {
  readonly target: string;
  readonly stream: boolean;
  readonly connections: number;
  /** Requests that were to begin each second; undefined: as fast as they are answered. */
  readonly rate?: number | undefined;
  /** Seconds. */
  readonly duration: number;
  readonly warmup: number;
  /** A project's own server, started for this. */
  readonly server?: BenchedStack | undefined;
  readonly upstream?: UpstreamPace | undefined;
  readonly ceiling?: Ceiling | undefined;
  readonly warnings: readonly string[];
}

/** Of the mock's own rate: from here on the mock is what limits. */
const NEAR_CEILING = 0.9;
/** Of the time: from here on the generator is what limits. */
const BUSY = 0.95;
/** By how much the last third may differ from the first, and how many answers make a third. */
const STEADY = 1.25;
const ENOUGH_ANSWERS = 300;
/** Of what was asked for. */
const KEPT_UP = 0.98;

export type Measured = Omit<Report, 'warnings'>;

/** What a reader of the figures has to know, a sentence each. */
export function findWarnings(report: Measured): readonly string[] {
  const { requestsPerSecond, ceiling, withoutDone = 0, generatorBusy, errors } = report;
  const kind = report.stream ? 'streams' : 'answers';
  const most = ceiling?.requestsPerSecond ?? 0;
  return [
    ...(most > 0 && requestsPerSecond >= NEAR_CEILING * most
      ? [
          `The mock alone gives ${formatRate(most)} ${kind} a second under ` +
            'this load: this measures the mock, not the server. ' +
            'With a slower mock, more --connections show what the server can do.',
        ]
      : []),
    ...describeChange(report),
    ...(generatorBusy >= BUSY
      ? ['The load took all of its processor: a server may be faster than this says.']
      : []),
    ...describeBacklog(report),
    ...(errors.some((error) => OURS.test(error.kind))
      ? [
          'Connections failed for want of files or ports on this machine, not for the server: take ' +
            'fewer --connections, or raise the limit of open files (ulimit -n).',
        ]
      : []),
    ...(withoutDone > 0
      ? [
          `${formatCount(withoutDone)} streams ended without [DONE]: cut off, or of a server ` +
            'that sends none.',
        ]
      : []),
  ];
}

/** What the system says where it is this machine that can open no more. */
const OURS = /EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS/;

/** A server that warms up or goes away, or a neighbour that came or went. */
function describeChange({ requests, byThird, rate, failed }: Measured): readonly string[] {
  const first = byThird[0] ?? 0;
  const last = byThird.at(-1) ?? 0;
  if (first > 0 && last === 0 && failed > 0) {
    return ['The server stopped answering on the way: look at its log.'];
  }
  const isSteady = last <= STEADY * first && first <= STEADY * last;
  if (isSteady || rate !== undefined || requests < ENOUGH_ANSWERS) return [];
  return [
    `The rate went from ${formatRate(first)} to ${formatRate(last)} a second meanwhile: ` +
      'give it a longer --warmup, or see what else runs here.',
  ];
}

/** At a rate: what was begun and not answered meanwhile. */
function describeBacklog(report: Measured): readonly string[] {
  const { rate, requests, failed, duration, warmup, latency, unsent = 0 } = report;
  if (unsent > 0) {
    return [
      `${formatCount(unsent)} requests were to begin and could not: every connection was ` +
        'waiting for an answer. Their times would have been the longest, and are missing.',
    ];
  }
  // One more or less may fall on either side of the end.
  if (rate === undefined || requests + failed + 1 >= KEPT_UP * rate * duration) return [];
  if (latency.max < 1000 * warmup) {
    return [`The server did not keep up with ${formatRate(rate)} a second.`];
  }
  return [
    `Answers took up to ${formatTime(latency.max)}, longer than the warm-up: fewer came than were ` +
      `begun. With --warmup ${Math.ceil(latency.max / 1000) + 1} it shows whether the server keeps up.`,
  ];
}

export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function formatRate(value: number): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

export function formatTime(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 100) return `${formatCount(ms)} ms`;
  return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}
