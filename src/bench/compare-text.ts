import { type Comparison, conclude, describeUpstream, listCells } from './compare.ts';
import { formatTable } from './table.ts';

/** The tables and what follows from them, for a terminal. */
export function formatComparison(comparison: Comparison): string {
  const tables = comparison.upstreams.flatMap((upstream) => [
    `The upstream ${describeUpstream(comparison, upstream)}: ${describeFigures(comparison)}`,
    '',
    ...formatTable(listCells(comparison, upstream), ['right']).map((line) => `  ${line}`),
    '',
  ]);
  return [...tables, ...conclude(comparison)].join('\n');
}

export function describeFigures({ stream }: Comparison): string {
  return `${stream ? 'streams' : 'answers'} a second, and how long 99 of 100 take`;
}
