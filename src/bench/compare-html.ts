import { logAxis, stepAxis } from './axis.ts';
import { renderChart, type Series } from './chart.ts';
import {
  type Cell,
  type Comparison,
  conclude,
  describeUpstream,
  isAdvice,
  listCells,
  type UpstreamCell,
} from './compare.ts';
import { describeFigures } from './compare-text.ts';
import type { Html } from './html.ts';
import { renderNotes, renderPage, renderTable } from './page.ts';
import { formatCount, formatRate, formatTime } from './report.ts';

/** Stacks side by side as a page. @param about the machine, the date and the tool */
export function renderComparison(comparison: Comparison, about: string): string {
  const { stacks, upstreams, duration, stream } = comparison;
  const titles = new Intl.ListFormat('en-GB').format(stacks.map(({ title }) => title));
  return renderPage({
    title: `Which layout do I need? ${titles}`,
    lead: [
      `${stream ? 'Streams' : 'Plain answers'}, each stack as in production in one process, ` +
        `${duration} s for each figure.`,
    ],
    sections: [
      renderNotes(conclude(comparison), 'findings', isAdvice),
      ...upstreams.flatMap((upstream) => [
        renderRates(comparison, upstream),
        renderTable(
          `The upstream ${describeUpstream(comparison, upstream)}: ${describeFigures(comparison)}`,
          listCells(comparison, upstream),
        ),
      ]),
    ],
    footer: about,
  });
}

function renderRates(comparison: Comparison, upstream: number): Html {
  const { stacks, cells, mockAlone, connections, stream } = comparison;
  const when = describeUpstream(comparison, upstream);
  const before = (cell: UpstreamCell): boolean => cell.upstream === upstream;
  const drawn: readonly Series[] = [
    ...stacks.map(({ name, title }) => ({
      name: title,
      points: cells
        .filter((cell) => cell.stack === name && before(cell))
        .map((cell) => draw(title, cell)),
    })),
    {
      name: 'mock alone',
      isReference: true,
      points: mockAlone.filter(before).map((cell) => draw('mock alone', cell)),
    },
  ];
  const rates = drawn.flatMap(({ points }) => points.map(({ y }) => y));
  return renderChart({
    title: `${stream ? 'Streams' : 'Answers'} a second, where the upstream ${when}`,
    description: drawn
      .map(({ name, points }) => `${name}: ${points.map(({ y }) => formatRate(y)).join(', ')}.`)
      .join(' '),
    x: stepAxis('requests under way at once', connections, formatCount),
    y: logAxis('requests/s', rates, formatRate),
    series: drawn,
  });
}

function draw(title: string, cell: UpstreamCell & Partial<Cell>): Series['points'][number] {
  const { connections, requestsPerSecond, p99 } = cell;
  const times = p99 === undefined ? '' : `, 99 of 100 within ${formatTime(p99)}`;
  const note = `${title}, ${formatCount(connections)} at once: ${formatRate(requestsPerSecond)} a second${times}`;
  return { x: connections, y: requestsPerSecond, note };
}
