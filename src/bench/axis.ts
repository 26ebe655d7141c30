/** One direction of a chart: where its values lie, from 0 to 1, and which are named. */
export interface Axis {
  readonly label: string;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  readonly place: (value: number) => number;
}

type Format = (value: number) => string;

/** From 0 to a little more than the greatest value, in round steps. */
export function linearAxis(label: string, greatest: number, format: Format): Axis {
  const step = roundStep((greatest || 1) / 4);
  const end = step * Math.max(1, Math.ceil(greatest / step));
  const count = Math.round(end / step);
  const ticks = Array.from({ length: count + 1 }, (_, nth) => tick(nth * step, format));
  return { label, ticks, place: (value) => value / end };
}

/** From 0 to exactly the end, as time passes. */
export function timeAxis(label: string, end: number, format: Format): Axis {
  const step = roundStep(end / 6);
  const count = Math.floor(end / step + 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, nth) => tick(nth * step, format));
  return { label, ticks, place: (value) => value / end };
}

/** Whole powers of ten around the values; for values over several of them. */
export function logAxis(label: string, values: readonly number[], format: Format): Axis {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive, Number.MAX_VALUE)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive, Number.MIN_VALUE))));
  const first = Math.max(low, high - MAX_DECADES);
  const decades = Array.from({ length: high - first + 1 }, (_, nth) => 10 ** (first + nth));
  return {
    label,
    ticks: decades.map((at) => tick(at, format)),
    place: (value) =>
      Math.max(0, (Math.log10(Math.max(value, 10 ** first)) - first) / (high - first)),
  };
}

const MAX_DECADES = 4;

/** Places that are equally far from each other, whatever they stand for. */
export function stepAxis(label: string, steps: readonly number[], format: Format): Axis {
  const margin = 0.5 / steps.length;
  return {
    label,
    ticks: steps.map((at) => tick(at, format)),
    place: (value) =>
      margin + (steps.indexOf(value) * (1 - 2 * margin)) / Math.max(1, steps.length - 1),
  };
}

/**
 * Shares, where each further nine takes as much room as the one before it: the rare slow answers
 * are what one wants to see.
 */
export function ninesAxis(label: string, count: number): Axis {
  const nines = Math.min(4, Math.max(1, Math.floor(Math.log10(Math.max(1, count)))));
  const shares = [0, 0.5, 0.9, 0.99, 0.999, 0.9999].slice(0, 2 + nines);
  const ticks = shares.map((at) =>
    tick(at, (share) => (share === 0 ? 'fastest' : `p${round(100 * share)}`)),
  );
  return { label, ticks, place: (share) => Math.min(1, Math.log10(1 / (1 - share)) / nines) };
}

function tick(at: number, format: Format): Axis['ticks'][number] {
  return { at, label: format(at) };
}

function round(value: number): number {
  return Math.round(1000 * value) / 1000;
}

/** 1, 2, 2.5 or 5 times a power of ten, no less than the value. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 5, 10].find((step) => step * power >= value) ?? 10);
}
