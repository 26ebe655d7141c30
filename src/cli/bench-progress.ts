import { formatCount, formatRate } from '../bench/report.ts';
import type { Tally } from '../bench/tally.ts';
import { isCi, openErrorOutput } from './print.ts';

export interface LoadProgress {
  /** Called several times a second while the load runs. */
  readonly update: (tally: Tally, underWay: number) => void;
  readonly end: () => void;
}

const CLEAR = '\r\x1b[K';

/**
 * Shows on standard error how a measurement goes: a line that is written over and over in a
 * terminal, one line at its start elsewhere.
 */
export function showLoad(title: string): LoadProgress {
  const stream = openErrorOutput();
  const still = !stream.isTTY || isCi(process.env) || process.env.TERM === 'dumb';
  if (still) {
    stream.write(`${title} …\n`);
    return { update() {}, end() {} };
  }
  return {
    update(tally, underWay) {
      const line = `${title}: ${describe(tally, underWay)}`;
      stream.write(`${CLEAR}${line.slice(0, stream.columns - 1)}`);
    },
    end: () => void stream.write(CLEAR),
  };
}

function describe({ window, answers, failed }: Tally, underWay: number): string {
  const now = performance.now();
  const left = Math.ceil((window.to - now) / 1000);
  if (now < window.from) return `warming up, ${Math.ceil((window.from - now) / 1000)} s`;
  if (left <= 0) return `waiting for the last ${formatCount(underWay)} answers`;
  const rate = formatRate((1000 * answers) / Math.max(1, now - window.from));
  const errors = failed > 0 ? `, ${formatCount(failed)} errors` : '';
  return `${rate} requests/s, ${formatCount(underWay)} under way${errors}, ${left} s to go`;
}
