import type { Axis } from './axis.ts';
import { type Html, html } from './html.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Something to compare the others with: drawn faintly. */
  readonly isReference?: boolean;
}

interface Point {
  readonly x: number;
  readonly y: number;
  /** Shown when one points at it; without it the point is part of the line only. */
  readonly note?: string;
}

export interface Chart {
  readonly title: string;
  /** The same in words, for who cannot see it. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const WIDTH = 720;
const HEIGHT = 300;
const LEFT = 84;
/** Beside the lines, where there are several: their names. */
const NAMES = 110;
const MARGIN = 24;
const TOP = 14;
const BOTTOM = 46;
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM;
const LABEL_HEIGHT = 15;

/** Lines over two axes, as an SVG that takes its colours from the page. */
export function renderChart({ title, description, x, y, series }: Chart): Html {
  const width = WIDTH - LEFT - (series.length > 1 ? NAMES : MARGIN);
  const across = (value: number): number => round(LEFT + x.place(value) * width);
  const up = (value: number): number => round(TOP + (1 - y.place(value)) * INNER_HEIGHT);
  const bottom = TOP + INNER_HEIGHT;
  const rows = y.ticks.map(
    ({
      at,
      label,
    }) => html`<line class="grid" x1="${LEFT}" x2="${LEFT + width}" y1="${up(at)}" y2="${up(at)}"/>
<text x="${LEFT - 8}" y="${up(at) + 4}" text-anchor="end">${label}</text>
`,
  );
  const columns = x.ticks.map(
    ({
      at,
      label,
    }) => html`<line class="tick" x1="${across(at)}" x2="${across(at)}" y1="${bottom}" y2="${bottom + 5}"/>
<text x="${across(at)}" y="${bottom + 19}" text-anchor="middle">${label}</text>
`,
  );
  const looks = series.map((one, nth) => ({ ...one, look: lookOf(one, nth) }));
  // What is only there to compare with lies below the others.
  looks.sort((a, b) => Number(b.isReference ?? false) - Number(a.isReference ?? false));
  const lines = looks.map(({ points, look }) => {
    const path = points.map((point) => `${across(point.x)},${up(point.y)}`).join(' ');
    const dots = points
      .filter((point) => point.note !== undefined)
      .map(
        (point) =>
          html`<circle class="dot ${look}" cx="${across(point.x)}" cy="${up(point.y)}" r="4"><title>${point.note ?? ''}</title></circle>
`,
      );
    return html`<polyline class="line ${look}" points="${path}"/>
${dots}`;
  });
  return html`<figure>
<figcaption>${title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${description}">
${rows}${columns}<text class="axis" x="${LEFT + width / 2}" y="${HEIGHT - 6}" text-anchor="middle">${x.label}</text>
<text class="axis" x="14" y="${TOP + INNER_HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 ${TOP + INNER_HEIGHT / 2})">${y.label}</text>
${lines}${renderNames(series, up)}</svg>
</figure>
`;
}

/** A class of the page's style. */
function lookOf({ isReference = false }: Series, nth: number): string {
  return isReference ? 'reference' : `s${nth}`;
}

/** Each series is named where its line ends; names that would lie on each other move apart. */
function renderNames(series: readonly Series[], up: (value: number) => number): readonly Html[] {
  if (series.length < 2) return [];
  const names = series
    .map((one, nth) => ({
      name: one.name,
      look: lookOf(one, nth),
      y: up(one.points.at(-1)?.y ?? 0) + 4,
    }))
    .sort((a, b) => a.y - b.y);
  let last = Number.NEGATIVE_INFINITY;
  const placed = names.map((one) => {
    last = Math.max(one.y, last + LABEL_HEIGHT);
    return { ...one, y: last };
  });
  const over = Math.max(0, last - (TOP + INNER_HEIGHT + 4));
  return placed.map(
    ({ name, look, y }) =>
      html`<text class="name ${look}" x="${WIDTH - NAMES + 8}" y="${y - over}">${name}</text>
`,
  );
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
