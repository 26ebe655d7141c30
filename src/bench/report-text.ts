import {
  type BenchedStack,
  formatBytes,
  formatCount,
  formatRate,
  formatTime,
  type Report,
  type UpstreamPace,
} from './report.ts';
import type { Times } from './summary.ts';
import { formatTable } from './table.ts';

/** One measurement as a table for a terminal, without colours. */
export function formatReport(report: Report): string {
  return [
    ...describeRun(report),
    '',
    ...formatTable(listRates(report), ['left', 'right', 'left']),
    '',
    ...formatTable(listTimes(report)),
    ...formatErrors(report),
    ...report.warnings.flatMap((warning) => ['', `Note: ${warning}`]),
  ].join('\n');
}

/** Whom was asked what, a line each. */
export function describeRun(report: Report): readonly string[] {
  const { target, stream, connections, rate, duration, warmup, server, upstream } = report;
  const load =
    rate === undefined
      ? `${formatCount(connections)} at once`
      : `${formatRate(rate)} begun a second, at most ${formatCount(connections)} at once`;
  return [
    server ? describeServer(server) : target,
    `${stream ? 'streams' : 'plain answers'}, ${load}, for ${duration} s after ${warmup} s of warm-up`,
    ...(upstream ? [`upstream: the mock, ${describePace(upstream)}`] : []),
  ];
}

function describeServer({ title, processes }: BenchedStack): string {
  const count = processes === 1 ? 'one process' : `${processes} processes`;
  return `${title}, as in production, ${count}`;
}

function describePace({ ttft, tps, tokens }: UpstreamPace): string {
  const length = tokens === undefined ? '' : `answers of ${formatCount(tokens)} tokens, `;
  const first = ttft === 0 ? 'first token at once' : `first token after ${formatTime(ttft)}`;
  const rest = tps === 0 ? 'the rest at once' : `${formatRate(tps)} tokens a second`;
  return `${length}${first}, ${rest}`;
}

/** Rows of a name, a figure, and what there is to say of it. */
export function listRates(report: Report): readonly (readonly string[])[] {
  const { requests, requestsPerSecond, eventsPerSecond, bytesReceived, duration } = report;
  const { ceiling, rate } = report;
  const load = rate === undefined ? 'same load' : 'as fast as it goes';
  return [
    ['requests/s', formatRate(requestsPerSecond), `${formatCount(requests)} answered`],
    ...(eventsPerSecond === undefined ? [] : [['events/s', formatRate(eventsPerSecond), '']]),
    ['received/s', formatBytes(bytesReceived / duration), ''],
    ...(ceiling
      ? [['the mock alone', formatRate(ceiling.requestsPerSecond), `requests/s, ${load}`]]
      : []),
  ];
}

/** A head, and a row for each kind of time. */
export function listTimes({
  latency,
  delay,
  firstToken,
  gap,
}: Report): readonly (readonly string[])[] {
  const row = (name: string, times: Times | undefined): readonly (readonly string[])[] =>
    times
      ? [[name, ...[times.p50, times.p90, times.p99, times.p999, times.max].map(formatTime)]]
      : [];
  return [
    ['', 'p50', 'p90', 'p99', 'p99.9', 'max'],
    ...row('latency', latency),
    ...row('of it, not yet sent', delay),
    ...row('first token', firstToken),
    ...row('gap between tokens', gap),
  ];
}

function formatErrors({ failed, errors, requests }: Report): readonly string[] {
  if (failed === 0) return ['', 'no errors'];
  const share = ((100 * failed) / (failed + requests)).toFixed(failed < requests ? 2 : 0);
  const rows = errors.map(({ kind, count }) => [`  ${kind}`, formatCount(count)]);
  return ['', `${formatCount(failed)} errors (${share} %)`, ...formatTable(rows)];
}
