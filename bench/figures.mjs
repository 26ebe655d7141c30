// Figures of a bench: of processes, as Linux tells them, of samples, and their table.
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Bytes in memory of a process and all below it, as a container's limit counts them: once what they
 * share since a fork, and once the files that they map. Undefined where there is no /proc.
 */
export function readMemory(pid) {
  const sizes = listTree(pid).map((one) => {
    const own = readKib(`/proc/${one}/smaps_rollup`, 'Pss_Anon');
    return { own, files: readKib(`/proc/${one}/status`, 'RssFile') };
  });
  const files = Math.max(...sizes.map((one) => one.files));
  return 1024 * (sum(sizes.map(({ own }) => own)) + files) || undefined;
}

function readKib(path, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(read(path))?.[1] ?? 0);
}

/** Seconds of processor time of a process and all below it; undefined where there is no /proc. */
export function readCpu(pid) {
  const ticks = listTree(pid).map((one) => {
    // Behind the name, which may hold anything: the 12th and 13th are user's and system's time.
    const fields = read(`/proc/${one}/stat`).split(') ').at(-1).split(' ');
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return sum(ticks) / 100 || undefined;
}

/** File descriptors of a process and all below it; undefined where there is no /proc. */
export function countDescriptors(pid) {
  return sum(listTree(pid).map((one) => list(`/proc/${one}/fd`).length)) || undefined;
}

function listTree(pid) {
  const tasks = list(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' '));
  return [pid, ...children.filter(Boolean).flatMap(listTree)];
}

/** A process may go while one looks at it. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** The value below which such a share of them lies; NaN where there are none. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function megabytes(bytes) {
  return bytes === undefined ? '–' : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function milliseconds(value) {
  return Number.isNaN(value) ? '–' : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** The median of several, and between what they lie. */
export function formatSpread(values = [], format = formatFigure) {
  if (values.length < 2) return values.map(format).join() || '–';
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${format(quantile(values, 0.5))} (${format(least)}–${format(most)})`;
}

function formatFigure(value) {
  return value.toFixed(value < 10 ? 2 : 0);
}

/** The first row is the head; the first column is text, and all others are figures. */
export function printTable(rows) {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => `${row[column]}`.length)),
  );
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? `${cell}`.padEnd(widths[0]) : `${cell}`.padStart(widths[column]),
    );
    console.log(`  ${cells.join('   ')}`);
  }
}

/** Numbers from 0 to 1 that are the same in every run with the same seed (mulberry32). */
export function seedRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
