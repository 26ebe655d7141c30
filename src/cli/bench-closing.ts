import type { Report } from '../bench/report.ts';
import { formatArgv, formatTool } from '../core/commands.ts';
import { isToolOnPath } from '../effects/programs.ts';
import { type BenchFlags, DEFAULT_PROMPT, DEFAULT_TIMEOUT } from './bench.ts';
import { VERSION } from './version.ts';

/** Of what it can do at most: a rate that a server ought to stand for long. */
const SUSTAINED = 0.8;

/**
 * What to measure next, as a command to paste that asks the same as this run did.
 * @returns undefined where that would take too long to be worth it
 */
export async function formatNext(
  url: string | undefined,
  flags: BenchFlags,
  report: Report,
): Promise<string | undefined> {
  const sustained = roundDown(SUSTAINED * report.requestsPerSecond);
  if (flags.rate === undefined && sustained === 0) return undefined;
  const why =
    flags.rate === undefined
      ? 'How long answers take below that'
      : 'How many it can answer at most';
  const masked = report.target.includes('?') && url !== undefined;
  const argv = [
    'bench',
    ...(url === undefined ? [] : [report.target]),
    ...listAsked(flags),
    ...listLoad(flags),
    ...(flags.rate === undefined ? ['--rate', `${sustained}`] : []),
  ];
  const tool = formatTool(VERSION, await isToolOnPath(process.argv[1] ?? ''));
  return `${why}${masked ? ', with your values in the query' : ''}:\n  ${tool} ${formatArgv(argv)}`;
}

/** To a tenth where a whole number would be too coarse; less than that is no rate to ask for. */
function roundDown(rate: number): number {
  return rate >= 10 ? Math.floor(rate) : Math.floor(10 * rate) / 10;
}

/** What each request is. The key is not among it: it is read again from where it was. */
function listAsked(flags: BenchFlags): readonly string[] {
  const { stream, prompt, body, header = [], keyStdin, keyHeader, timeout } = flags;
  return [
    ...(stream ? ['--stream'] : []),
    ...(body === undefined && prompt !== DEFAULT_PROMPT ? ['--prompt', prompt] : []),
    ...(body === undefined ? [] : ['--body', body]),
    ...header.flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    ...(keyStdin ? ['--key-stdin'] : []),
    ...(keyHeader === undefined ? [] : ['--key-header', keyHeader]),
    ...(timeout === DEFAULT_TIMEOUT ? [] : ['--timeout', `${timeout}`]),
  ];
}

function listLoad({ ttft, tps, tokens, connections, duration, warmup }: BenchFlags) {
  const set = { ttft, tps, tokens, connections, duration, warmup };
  return Object.entries(set).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
}
