import { findWarnings, type Report } from '../bench/report.ts';
import { formatReport } from '../bench/report-text.ts';
import { CliError, usageError } from '../core/errors.ts';
import { findProjectAt, type Project } from '../effects/find-project.ts';
import { checkReportFile, writeReportFile } from '../effects/report-file.ts';
import { readSettings } from '../effects/settings.ts';
import type { BenchFlags } from './bench.ts';
import { formatNext } from './bench-closing.ts';
import { type Load, type Measurement, measure, measureMock } from './bench-measure.ts';
import { withBenchedServer } from './bench-server.ts';
import { parseUrl, planTarget, readKey } from './bench-target.ts';
import { buildProject } from './build-project.ts';
import { describeMachine } from './describe-machine.ts';
import { withInterrupt } from './interrupt.ts';
import { createPrinter } from './print.ts';

const DEFAULTS = { connections: 64, connectionsAtRate: 1024, duration: 10, warmup: 3 };

export async function runBench(url: string | undefined, flags: BenchFlags): Promise<void> {
  if (flags.html !== undefined) await checkReportFile(flags.html);
  if (flags.compare) {
    if (url !== undefined) throw usageError('--compare makes its own servers.', 'Drop the URL.');
    const { runCompare } = await import('./run-bench-compare.ts');
    return runCompare(flags.compare, flags);
  }
  const print = createPrinter({ json: flags.json === true });
  const { measured, tally } = await withInterrupt((signal) =>
    url === undefined ? benchProject(flags, signal) : benchUrl(url, flags, signal),
  );
  const report = { ...measured, warnings: findWarnings(measured) };
  checkReport(report);
  const machine = describeMachine();
  const document = { ...report, machine };
  print.say(`${formatReport(report)}\n`);
  if (flags.html !== undefined) {
    const { renderReport } = await import('../bench/report-html.ts');
    await writeReportFile(flags.html, renderReport(report, tally, machine), document);
    print.note(`The same with charts: ${flags.html}\n`);
  }
  const next = await formatNext(url, flags, report);
  if (next !== undefined) print.note(next);
  print.json({ ok: true, ...document });
}

async function benchUrl(
  typed: string,
  flags: BenchFlags,
  signal: AbortSignal,
): Promise<Measurement> {
  const url = parseUrl(typed);
  for (const name of ['ttft', 'tps', 'tokens'] as const) {
    if (flags[name] === undefined) continue;
    throw usageError(`--${name} sets the mock behind a project.`, 'Drop it, or drop the URL.');
  }
  const target = planTarget(url, await readKey(flags, signal), flags);
  return measure('Measuring', target, planLoad(flags), signal);
}

async function benchProject(flags: BenchFlags, signal: AbortSignal): Promise<Measurement> {
  const project = await findBenched(flags);
  await buildProject(project, signal);
  const load = planLoad(flags);
  const { tps = 0, tokens } = flags;
  const upstream = { ttft: onlyOne('ttft', flags) ?? 0, tps, tokens };
  const { title } = project.manifest;
  const server = { title, processes: await readProcesses(project) };
  const plan = { pace: upstream, connections: load.connections };
  return withBenchedServer(project, plan, signal, async ({ url, key, mockUrl }, signal) => {
    const ceiling = await measureMock(mockUrl, flags, load, signal);
    const target = planTarget(parseUrl(url), key, flags);
    const { measured, tally } = await measure(title, target, load, signal);
    return { measured: { ...measured, server, upstream, ceiling }, tally };
  });
}

/** The async stacks take WORKERS from the environment or .env, here as with `start`. */
async function readProcesses({ directory, manifest }: Project): Promise<number> {
  if (manifest.layout === 'simple') return 1;
  return Number((await readSettings(directory)).get('WORKERS') ?? 1);
}

async function findBenched({ stream, keyStdin, keyHeader }: BenchFlags): Promise<Project> {
  const project = await findProjectAt();
  if (!project) {
    throw usageError(
      'There is no project here, and no URL to measure.',
      'Name a server: llm-api bench http://127.0.0.1:8000',
    );
  }
  if (keyStdin || keyHeader !== undefined) {
    const flag = keyStdin ? '--key-stdin' : '--key-header';
    throw usageError(`${flag} is for a URL: a project is given a key of its own.`);
  }
  if (!stream || project.manifest.layout === 'async') return project;
  throw usageError(
    `The server of this project (${project.manifest.title}) does not stream.`,
    'Drop --stream. The async stacks stream.',
  );
}

function planLoad(flags: BenchFlags): Load {
  const { rate, duration = DEFAULTS.duration, warmup = DEFAULTS.warmup } = flags;
  const usual = rate === undefined ? DEFAULTS.connections : DEFAULTS.connectionsAtRate;
  return { connections: onlyOne('connections', flags) ?? usual, rate, duration, warmup };
}

/** @throws CliError (2) for a list, which only --compare takes */
function onlyOne(name: 'connections' | 'ttft', flags: BenchFlags): number | undefined {
  const [first, ...more] = flags[name] ?? [];
  if (more.length === 0) return first;
  throw usageError(`--${name} takes a list with --compare only.`, 'Name one number.');
}

/** @throws CliError where there is no answer whose time could be told */
function checkReport(report: Report): void {
  // No answer takes no time.
  if (report.latency.max > 0) return;
  const kinds = report.errors.map(({ kind, count }) => `${kind} (${count})`).join(', ');
  throw new CliError(
    kinds
      ? `No request was answered: ${kinds}.`
      : 'No answer came within the time that is measured.',
    {
      hint: kinds ? 'Look at the log of the server.' : 'Give it longer with --duration.',
      details: { ...report },
    },
  );
}
