import type { Language, Layout } from '../core/stacks.ts';
import { formatCount, formatRate, formatTime } from './report.ts';

interface ComparedStack {
  readonly name: string;
  readonly title: string;
  readonly layout: Layout;
  readonly language: Language;
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
  /** Of the upstream, tokens a second; 0: all at once. */
  readonly tokensPerSecond: number;
  readonly connections: readonly number[];
  readonly cells: readonly Cell[];
  readonly mockAlone: readonly UpstreamCell[];
}

/** From this share of the other's rate on, one stack keeps up with the other. */
const KEEPS_UP = 0.9;

/** The answer to "which layout do I need?", in sentences made of the figures. */
export function conclude(comparison: Comparison): readonly string[] {
  const { stacks, upstreams } = comparison;
  return stacks.flatMap((stack) => {
    const base = findBase(stacks, stack);
    if (base === stack) return [];
    const pairs = upstreams.map((upstream) => comparePair(comparison, base, stack, upstream));
    return [
      ...pairs.map((pair) => {
        const upstream = describeUpstream(comparison, pair.upstream);
        return `Where the upstream ${upstream}, ${describePair(pair)}`;
      }),
      ...advise(pairs),
    ];
  });
}

/** What a stack is compared with: a simple one with the async one of its language. */
function findBase(stacks: readonly ComparedStack[], stack: ComparedStack): ComparedStack {
  const bases = stacks.filter(({ layout }) => layout === 'async');
  const alike = bases.find(({ language }) => language === stack.language);
  return (stack.layout === 'simple' ? alike : undefined) ?? bases[0] ?? stacks[0] ?? stack;
}

/** What two stacks did with so many requests under way. */
interface Duel {
  readonly connections: number;
  readonly base: number;
  readonly other: number;
}

/** Two stacks before one upstream. */
interface Pair {
  readonly base: ComparedStack;
  readonly other: ComparedStack;
  readonly upstream: number;
  /** The most under way at which the other still keeps up, and at all fewer. */
  readonly keepsUpTo: number | undefined;
  readonly keepsUp: boolean;
  /** Where the other does worst, and where the most are under way. */
  readonly worst: Duel;
  readonly top: Duel;
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
  const duels = [...connections]
    .sort((a, b) => a - b)
    .map((count) => ({ connections: count, base: rate(base, count), other: rate(other, count) }));
  const behind = duels.findIndex((duel) => duel.other < KEEPS_UP * duel.base);
  const top = duels.at(-1) ?? { connections: 0, base: 0, other: 0 };
  const keepsUpTo = behind === -1 ? top.connections : duels[behind - 1]?.connections;
  // Of equals the one with more under way.
  const worst = duels.reduce((a, b) => (a.base * b.other > b.base * a.other ? a : b), top);
  return { base, other, upstream, keepsUpTo, keepsUp: behind === -1, worst, top };
}

function describePair({ base, other, keepsUpTo, keepsUp, worst, top }: Pair): string {
  const describe = (stack: ComparedStack, count: number, more: number, fewer: number): string => {
    const times =
      fewer === 0
        ? 'answers, and the other does not,'
        : `answers ${(more / fewer).toFixed(1)} times as many`;
    const figures = `(${formatRate(more)} against ${formatRate(fewer)} a second)`;
    return `${stack.title} ${times} with ${formatCount(count)} at once ${figures}`;
  };
  if (keepsUp && KEEPS_UP * top.other > top.base) {
    return `${describe(other, top.connections, top.other, top.base)}.`;
  }
  if (keepsUp) return `${other.title} keeps up with ${base.title} at every load.`;
  const behind = describe(base, worst.connections, worst.base, worst.other);
  if (keepsUpTo === undefined) return `${behind}.`;
  const upTo = `${other.title} keeps up with ${base.title} up to ${formatCount(keepsUpTo)} at once`;
  return `${upTo}; ${behind}.`;
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

/** Whether a sentence of the conclusion says what to do, and not what was found. */
export function isAdvice(sentence: string): boolean {
  return sentence.startsWith('So ');
}

/** As in "the upstream …". */
export function describeUpstream({ tokensPerSecond }: Comparison, ms: number): string {
  const delay = ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
  const when = ms === 0 ? 'immediately' : `after ${delay}`;
  if (tokensPerSecond === 0) return `answers ${when}`;
  return `begins ${when}, with ${formatRate(tokensPerSecond)} tokens a second`;
}

/** A head, and a row for each number of requests under way. */
export function listCells(
  comparison: Comparison,
  upstream: number,
): readonly (readonly string[])[] {
  const { stacks, connections, cells, mockAlone } = comparison;
  const failing = new Set(cells.filter(({ failed }) => failed > 0).map(({ stack }) => stack));
  const columns = (name: string, figures: readonly string[]): readonly string[] =>
    failing.has(name) ? figures : figures.slice(0, 2);
  const head = stacks.flatMap(({ name, title }) => columns(name, [title, 'p99', 'errors']));
  const rows = connections.map((count) => {
    const under = (cell: UpstreamCell): boolean =>
      cell.upstream === upstream && cell.connections === count;
    const figures = stacks.flatMap(({ name }) => {
      const cell = cells.find((one) => one.stack === name && under(one));
      if (!cell) return columns(name, ['–', '–', '–']);
      // No answer takes no time.
      const p99 = cell.p99 > 0 ? formatTime(cell.p99) : '–';
      return columns(name, [formatRate(cell.requestsPerSecond), p99, formatCount(cell.failed)]);
    });
    const alone = mockAlone.find(under)?.requestsPerSecond;
    return [formatCount(count), ...figures, alone === undefined ? '–' : formatRate(alone)];
  });
  return [['at once', ...head, 'mock alone'], ...rows];
}
