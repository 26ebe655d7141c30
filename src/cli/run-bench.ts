import { runLoad } from '../bench/load.ts';
import { findWarnings, type Measured, type Report } from '../bench/report.ts';
import { formatReport } from '../bench/report-text.ts';
import { summarize } from '../bench/summary.ts';
import { makeTarget, type Target } from '../bench/target.ts';
import { CliError, usageError } from '../core/errors.ts';
import { findProjectAt, type Project } from '../effects/find-project.ts';
import { readSettings } from '../effects/settings.ts';
import type { BenchFlags } from './bench.ts';
import { formatNext } from './bench-closing.ts';
import { showLoad } from './bench-progress.ts';
import { withBenchedServer } from './bench-server.ts';
import { checkTarget, parseUrl, planTarget, readKey } from './bench-target.ts';
import { buildProject } from './build-project.ts';
import { withInterrupt } from './interrupt.ts';
import { createPrinter } from './print.ts';

const CLOSED_CONNECTIONS = 64;
const OPEN_CONNECTIONS = 1024;
const CEILING_SECONDS = 2;

export async function runBench(url: string | undefined, flags: BenchFlags): Promise<void> {
  const print = createPrinter({ json: flags.json === true });
  const report = await withInterrupt((signal) =>
    url === undefined ? benchProject(flags, signal) : benchUrl(url, flags, signal),
  );
  checkReport(report);
  print.say(`${formatReport(report)}\n`);
  print.note(await formatNext(url, flags, report));
  print.json({ ok: true, ...report });
}

async function benchUrl(typed: string, flags: BenchFlags, signal: AbortSignal): Promise<Report> {
  const url = parseUrl(typed);
  for (const name of ['ttft', 'tps'] as const) {
    if (flags[name] === undefined) continue;
    throw usageError(`--${name} sets the mock behind a project.`, 'Drop it, or drop the URL.');
  }
  const target = planTarget(url, await readKey(flags), flags);
  return finish(await measure('Measuring', target, planLoad(flags), signal));
}

async function benchProject(flags: BenchFlags, signal: AbortSignal): Promise<Report> {
  const project = await findBenched(flags);
  await buildProject(project, signal);
  const load = planLoad(flags);
  const pace = { ttft: flags.ttft ?? 0, tps: flags.tps ?? 0 };
  const { title } = project.manifest;
  const processes = await readProcesses(project);
  return withBenchedServer(
    project,
    { pace, connections: load.connections },
    signal,
    async (server, signal) => {
      const ceiling = await measureMock(server.mockUrl, flags, load, signal);
      const target = planTarget(parseUrl(server.url), server.key, flags);
      const measured = await measure(title, target, load, signal);
      return finish({ ...measured, server: { title, processes }, upstream: pace, ceiling });
    },
  );
}

/** The async stacks take WORKERS from the environment or .env, here as with `start`. */
async function readProcesses({ directory, manifest }: Project): Promise<number> {
  if (manifest.layout === 'simple') return 1;
  return Number((await readSettings(directory)).get('WORKERS') ?? 1);
}

async function findBenched({ stream, keyStdin }: BenchFlags): Promise<Project> {
  const project = await findProjectAt();
  if (!project) {
    throw usageError(
      'There is no project here, and no URL to measure.',
      'Name a server: llm-api bench http://127.0.0.1:8000',
    );
  }
  if (keyStdin) throw usageError('--key-stdin is for a URL: a project is given a key of its own.');
  if (!stream || project.manifest.layout === 'async') return project;
  throw usageError(
    `The server of this project (${project.manifest.title}) does not stream.`,
    'Drop --stream. The async stacks stream.',
  );
}

interface Load {
  readonly connections: number;
  readonly rate: number | undefined;
  readonly duration: number;
  readonly warmup: number;
}

function planLoad({ connections, rate, duration, warmup }: BenchFlags): Load {
  const usual = rate === undefined ? CLOSED_CONNECTIONS : OPEN_CONNECTIONS;
  return { connections: connections ?? usual, rate, duration, warmup };
}

/** @throws CliError where there is nothing to measure */
async function measure(
  title: string,
  target: Target,
  load: Load,
  signal: AbortSignal,
): Promise<Measured> {
  const { stream, url } = target;
  const checked = await checkTarget(target, signal);
  const progress = showLoad(title);
  try {
    const tally = await runLoad(checked, { ...load, signal, onProgress: progress.update });
    return { target: url.href, stream, ...load, ...summarize(tally, { stream, rate: load.rate }) };
  } finally {
    progress.end();
  }
}

/** The same load without the server: as fast as it goes, at a rate too. */
async function measureMock(
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
  const { requestsPerSecond } = await measure('The mock alone', target, alone, signal);
  return { requestsPerSecond };
}

function finish(measured: Measured): Report {
  return { ...measured, warnings: findWarnings(measured) };
}

/** @throws CliError where there is no answer whose time could be told */
function checkReport(report: Report): void {
  if (report.requests > 0) return;
  const kinds = report.errors.map(({ kind, count }) => `${kind} (${count})`).join(', ');
  throw new CliError(
    kinds
      ? `No request was answered: ${kinds}.`
      : 'No answer came within the time that is measured.',
    {
      hint: 'Look at the log of the server, or give it longer with --duration.',
      details: { ...report },
    },
  );
}
