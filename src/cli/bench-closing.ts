import type { Report } from '../bench/report.ts';
import { formatArgv, formatTool } from '../core/commands.ts';
import { isToolOnPath } from '../effects/programs.ts';
import type { BenchFlags } from './bench.ts';
import { VERSION } from './version.ts';

/** Of what it can do at most: a rate that a server ought to stand for long. */
const SUSTAINED = 0.8;

/** What to measure next, as a command to paste. */
export async function formatNext(
  url: string | undefined,
  flags: BenchFlags,
  report: Report,
): Promise<string> {
  const tool = formatTool(VERSION, await isToolOnPath(process.argv[1] ?? ''));
  const { stream, ttft, tps, tokens, rate } = flags;
  const again = [
    ...(url === undefined ? [] : [report.target]),
    ...(stream ? ['--stream'] : []),
    ...(ttft ? ['--ttft', `${ttft}`] : []),
    ...(tps ? ['--tps', `${tps}`] : []),
    ...(tokens ? ['--tokens', `${tokens}`] : []),
  ];
  const sustained = Math.max(1, Math.floor(SUSTAINED * report.requestsPerSecond));
  const next =
    rate === undefined
      ? { why: 'How long answers take below that', flags: ['--rate', `${sustained}`] }
      : { why: 'How many it can answer at most', flags: [] };
  return `${next.why}:\n  ${tool} ${formatArgv(['bench', ...again, ...next.flags])}`;
}
