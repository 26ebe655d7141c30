import { runLoad } from '../bench/load.ts';
import type { Measured } from '../bench/report.ts';
import { summarize } from '../bench/summary.ts';
import type { Tally } from '../bench/tally.ts';
import { makeTarget, type Target } from '../bench/target.ts';
import { maskQuery } from '../core/address.ts';
import type { BenchFlags } from './bench.ts';
import { showLoad } from './bench-progress.ts';
import { checkTarget } from './bench-target.ts';

export interface Load {
  readonly connections: number;
  readonly rate: number | undefined;
  readonly duration: number;
  readonly warmup: number;
}

export interface Measurement {
  readonly measured: Measured;
  readonly tally: Tally;
}

/** @throws CliError where there is nothing to measure */
export async function measure(
  title: string,
  target: Target,
  load: Load,
  signal: AbortSignal,
): Promise<Measurement> {
  const { stream, url } = target;
  const checked = await checkTarget(target, signal);
  const progress = showLoad(title);
  try {
    const tally = await runLoad(checked, { ...load, signal, onProgress: progress.update });
    const summary = summarize(tally, { stream, rate: load.rate });
    return { measured: { target: maskQuery(url), stream, ...load, ...summary }, tally };
  } finally {
    progress.end();
  }
}

const CEILING_SECONDS = 2;

/** The same load without the server: as fast as it goes, at a rate too. */
export async function measureMock(
  mockUrl: string,
  flags: BenchFlags,
  load: Load,
  signal: AbortSignal,
): Promise<{ requestsPerSecond: number }> {
  const stream = flags.stream === true;
  const body = {
    model: 'gpt-4o',
    messages: [{ role: 'user', content: flags.prompt }],
    ...(stream && { stream, stream_options: { include_usage: true } }),
  };
  const url = new URL(`${mockUrl}/chat/completions`);
  const target = makeTarget(url, { body: JSON.stringify(body), stream });
  const duration = Math.min(CEILING_SECONDS, load.duration);
  const alone = { ...load, rate: undefined, duration };
  const { measured } = await measure('The mock alone', target, alone, signal);
  return { requestsPerSecond: measured.requestsPerSecond };
}
