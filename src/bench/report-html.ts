import { linearAxis, logAxis, ninesAxis, timeAxis } from './axis.ts';
import { renderChart, type Series } from './chart.ts';
import type { Histogram } from './histogram.ts';
import type { Html } from './html.ts';
import { renderNotes, renderPage, renderTable, renderTiles } from './page.ts';
import { formatCount, formatRate, formatTime, type Report } from './report.ts';
import { describeRun, listRates, listTimes } from './report-text.ts';
import type { Tally } from './tally.ts';

/** One measurement as a page. @param about the machine, the date and the tool */
export function renderReport(report: Report, tally: Tally, about: string): string {
  const { requestsPerSecond, latency, failed, stream } = report;
  const name = report.server?.title ?? new URL(report.target).host;
  const [head, ...times] = listTimes(report);
  const errors = report.errors.map(({ kind, count }) => [kind, formatCount(count)]);
  return renderPage({
    title: `${name}: ${formatRate(requestsPerSecond)} ${stream ? 'streams' : 'requests'}/s`,
    lead: describeRun(report),
    sections: [
      renderTiles([
        [stream ? 'streams/s' : 'requests/s', formatRate(requestsPerSecond)],
        ['half within', formatTime(latency.p50)],
        ['99 of 100 within', formatTime(latency.p99)],
        ['errors', formatCount(failed)],
      ]),
      renderNotes(report.warnings, 'warnings'),
      renderTimes(report, tally),
      renderRate(report, tally),
      renderTable('Times', [head ?? [], ...times]),
      renderTable('Rates', [[], ...listRates(report)]),
      ...(failed > 0 ? [renderTable('Errors', [['kind', 'requests'], ...errors])] : []),
    ],
    footer: about,
  });
}

const NAMED = [
  [0.5, 'p50'],
  [0.9, 'p90'],
  [0.99, 'p99'],
  [0.999, 'p99.9'],
] as const;

/** How long all but the slowest took, for ever fewer of these. */
function renderTimes({ latency, stream }: Report, tally: Tally): Html {
  const parts = stream
    ? { latency: tally.latency, 'first token': tally.firstToken, gap: tally.gap }
    : { latency: tally.latency };
  const x = ninesAxis('share that took no longer', tally.latency.count);
  const series = Object.entries(parts).map(([name, histogram]) => drawCurve(name, histogram, x));
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  return renderChart({
    title: 'How long requests took',
    description: `Half within ${formatTime(latency.p50)}, 99 of 100 within ${formatTime(latency.p99)}.`,
    x,
    y: stream
      ? logAxis('time', values, formatTick)
      : linearAxis('time', Math.max(...values), formatTick),
    series,
  });
}

const STEPS = 160;

function drawCurve(
  name: string,
  histogram: Histogram,
  x: { place(share: number): number },
): Series {
  const even = Array.from({ length: STEPS }, (_, nth) => 1 - 10 ** ((-4 * nth) / STEPS));
  const shares = [...even, ...NAMED.map(([share]) => share)]
    .filter((share) => x.place(share) < 1 || share === 0)
    .sort((a, b) => a - b);
  const points = shares.map((share) => {
    const y = histogram.quantile(share);
    const mark = NAMED.find(([one]) => one === share);
    return { x: share, y, ...(mark && { note: `${name}, ${mark[1]}: ${formatTime(y)}` }) };
  });
  return { name, points };
}

/** In a slice with few answers one more or less looks like an event. */
const ANSWERS_PER_SLICE = 40;
/** How many of the tally's slices may make one of the chart. */
const MERGES = [1, 2, 3, 4, 5, 6, 10, 12];

function renderRate({ duration, requests, failed, ...report }: Report, tally: Tally): Html {
  const { length } = tally.answersOverTime;
  const enough = (merge: number): boolean => requests * merge >= ANSWERS_PER_SLICE * length;
  const merge = MERGES.find(enough) ?? MERGES.at(-1) ?? 1;
  const seconds = (merge * duration) / length;
  const perSecond = (counts: Float64Array): Series['points'] =>
    Array.from({ length: length / merge }, (_, nth) => ({
      x: (nth + 0.5) * seconds,
      y: sum(counts.subarray(nth * merge, (nth + 1) * merge)) / seconds,
    }));
  const answers = { name: 'answered', points: perSecond(tally.answersOverTime) };
  const failures = { name: 'failed', points: perSecond(tally.failuresOverTime) };
  const series = failed > 0 ? [answers, failures] : [answers];
  const greatest = Math.max(...series.flatMap(({ points }) => points.map(({ y }) => y)));
  return renderChart({
    title: 'Requests a second, over time',
    description: `${formatRate(report.requestsPerSecond)} a second on average.`,
    x: timeAxis('seconds', duration, (value) => String(Math.round(1000 * value) / 1000)),
    y: linearAxis('requests/s', greatest, formatRate),
    series,
  });
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function formatTick(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toFixed(3))} s` : `${Number(ms.toFixed(3))} ms`;
}
