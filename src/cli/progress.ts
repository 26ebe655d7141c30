import { isCi, openErrorOutput } from './print.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Shows that a step is under way, on standard error: a line that moves in a terminal, one line at
 * the start and one at the end elsewhere.
 */
export async function showProgress<Result extends { readonly ok: boolean }>(
  title: string,
  work: Promise<Result>,
): Promise<Result> {
  const stream = openErrorOutput();
  const started = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const still = !stream.isTTY || isCi(process.env) || process.env.TERM === 'dumb';
  let frame = 0;
  const draw = (): void => {
    stream.write(`\r\x1b[K${FRAMES[frame++ % FRAMES.length]} ${title} (${seconds()})`);
  };
  if (still) stream.write(`${title} …\n`);
  const timer = still ? undefined : setInterval(draw, 100);
  try {
    const result = await work;
    const mark = result.ok ? '✔' : '✖';
    stream.write(`${still ? '' : '\r\x1b[K'}${mark} ${title} (${seconds()})\n`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

const SLOW_MS = 1000;

/**
 * Says what is waited for, on standard error, where the work takes more than so long, a second. In
 * a terminal nothing of it is left afterwards.
 */
export async function showIfSlow<Result>(
  title: () => string,
  work: Promise<Result>,
  milliseconds = SLOW_MS,
): Promise<Result> {
  const stream = openErrorOutput();
  const still = !stream.isTTY || isCi(process.env) || process.env.TERM === 'dumb';
  let frame = 0;
  const draw = (): void => {
    const line = `${FRAMES[frame++ % FRAMES.length]} ${title()}`;
    // A line that wraps would stay.
    stream.write(`\r\x1b[K${line.slice(0, (stream.columns || 80) - 1)}`);
  };
  let moving: NodeJS.Timeout | undefined;
  const patience = setTimeout(() => {
    if (still) stream.write(`${title()} …\n`);
    else moving = setInterval(draw, 100);
  }, milliseconds);
  try {
    return await work;
  } finally {
    clearTimeout(patience);
    clearInterval(moving);
    if (moving) stream.write('\r\x1b[K');
  }
}
