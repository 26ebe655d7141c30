import type { Layout } from '../core/stacks.ts';
import { formatCount, formatRate, formatTime } from './report.ts';

interface ComparedStack {
  readonly name: string;
  readonly title: string;
  readonly layout: Layout;
}

/** What one stack did under one load. */
export interface Cell {
  readonly stack: string;
  /** Milliseconds that the upstream takes. */
  readonly upstream: number;
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** What the upstream can do under one load, with no server before it. */
export type UpstreamCell = Pick<Cell, 'upstream' | 'connections' | 'requestsPerSecond'>;

/** Stacks side by side, as `--json` prints it. */
export interface Comparison {
  readonly stream: boolean;
  /** Seconds for each cell. */
  readonly duration: number;
  readonly stacks: readonly ComparedStack[];
  readonly upstreams: readonly number[];
  readonly connections: readonly number[];
  readonly cells: readonly Cell[];
  readonly mockAlone: readonly UpstreamCell[];
}

/** From this share of the other's rate on, one stack keeps up with the other. */
const KEEPS_UP = 0.9;

/** The answer to "which layout do I need?", in sentences made of the figures. */
export function conclude(comparison: Comparison): readonly string[] {
  const { stacks, upstreams } = comparison;
  const base = stacks.find(({ layout }) => layout === 'async') ?? stacks[0];
  if (!base) return [];
  return stacks
    .filter((stack) => stack !== base)
    .flatMap((stack) => {
      const pairs = upstreams.map((upstream) => comparePair(comparison, base, stack, upstream));
      return [...pairs.map(describePair), ...advise(pairs)];
    });
}

/** Two stacks before one upstream, at each number of requests under way. */
interface Pair {
  readonly base: ComparedStack;
  readonly other: ComparedStack;
  readonly upstream: number;
  /** The most under way at which the other still keeps up, and at all fewer. */
  readonly keepsUpTo: number | undefined;
  readonly keepsUp: boolean;
  readonly top: { readonly connections: number; readonly base: number; readonly other: number };
}

function comparePair(
  { connections, cells }: Comparison,
  base: ComparedStack,
  other: ComparedStack,
  upstream: number,
): Pair {
  const rate = (stack: ComparedStack, count: number): number =>
    cells.find(
      (cell) =>
        cell.stack === stack.name && cell.upstream === upstream && cell.connections === count,
    )?.requestsPerSecond ?? 0;
  const counts = [...connections].sort((a, b) => a - b);
  const behind = counts.findIndex((count) => rate(other, count) < KEEPS_UP * rate(base, count));
  const most = counts.at(-1) ?? 0;
  return {
    base,
    other,
    upstream,
    keepsUpTo: behind === -1 ? most : counts[behind - 1],
    keepsUp: behind === -1,
    top: { connections: most, base: rate(base, most), other: rate(other, most) },
  };
}

function describePair({ base, other, upstream, keepsUpTo, keepsUp, top }: Pair): string {
  const when = `Where the upstream answers ${describeUpstream(upstream)}, `;
  const most = `with ${formatCount(top.connections)} at once`;
  const figures = (a: number, b: number): string =>
    `${most} (${formatRate(a)} against ${formatRate(b)} a second)`;
  const times = (a: number, b: number): string =>
    b === 0 ? 'answers, and the other does not,' : `answers ${(a / b).toFixed(1)} times as many`;
  if (keepsUp && KEEPS_UP * top.other > top.base) {
    return `${when}${other.title} ${times(top.other, top.base)} ${figures(top.other, top.base)}.`;
  }
  if (keepsUp) return `${when}${other.title} keeps up with ${base.title} at every load.`;
  const behind = `${base.title} ${times(top.base, top.other)} ${figures(top.base, top.other)}`;
  if (keepsUpTo === undefined) return `${when}${behind}.`;
  const upTo = `${other.title} keeps up with ${base.title} up to ${formatCount(keepsUpTo)} at once`;
  return `${when}${upTo}; ${behind}.`;
}

/** Only between layouts, and from the slowest upstream: models are slow. */
function advise(pairs: readonly Pair[]): readonly string[] {
  const pair = [...pairs].sort((a, b) => b.upstream - a.upstream)[0];
  if (pair?.base.layout !== 'async' || pair.other.layout !== 'simple') return [];
  const { keepsUp, keepsUpTo, other } = pair;
  if (keepsUp) {
    return [
      `So between these the layout is no question of speed: ${other.title} is read in a minute, ` +
        'the async layout has streams, keys, limits and a drain.',
    ];
  }
  if (keepsUpTo === undefined) return ['So for many requests it takes the async layout.'];
  return [
    `So the simple layout will do while no more than ${formatCount(keepsUpTo)} requests are under ` +
      'way at once; for more, and for streams, keys, limits and a drain, take the async one.',
  ];
}

export function describeUpstream(ms: number): string {
  if (ms === 0) return 'immediately';
  return `after ${ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`}`;
}

/** A head, and a row for each number of requests under way. */
export function listCells(
  comparison: Comparison,
  upstream: number,
): readonly (readonly string[])[] {
  const { stacks, connections, cells, mockAlone } = comparison;
  const head = stacks.flatMap(({ title }) => [title, 'p99']);
  const hasFailures = cells.some(({ failed }) => failed > 0);
  const rows = connections.map((count) => {
    const under = (cell: UpstreamCell): boolean =>
      cell.upstream === upstream && cell.connections === count;
    const figures = stacks.flatMap(({ name }) => {
      const cell = cells.find((one) => one.stack === name && under(one));
      return cell ? [formatRate(cell.requestsPerSecond), formatTime(cell.p99)] : ['–', '–'];
    });
    const failed = cells.filter(under).reduce((sum, cell) => sum + cell.failed, 0);
    const alone = mockAlone.find(under)?.requestsPerSecond;
    return [
      formatCount(count),
      ...figures,
      alone === undefined ? '–' : formatRate(alone),
      ...(hasFailures ? [formatCount(failed)] : []),
    ];
  });
  return [['at once', ...head, 'mock alone', ...(hasFailures ? ['errors'] : [])], ...rows];
}
