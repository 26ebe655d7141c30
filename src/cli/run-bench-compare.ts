import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Comparison, conclude } from '../bench/compare.ts';
import { formatComparison } from '../bench/compare-text.ts';
import { formatCount } from '../bench/report.ts';
import { CliError, usageError } from '../core/errors.ts';
import { languageOf, layoutOf, type StackName } from '../core/stacks.ts';
import { runProgram } from '../effects/exec.ts';
import { findProject, type Project } from '../effects/find-project.ts';
import { writeReportFile } from '../effects/report-file.ts';
import type { BenchFlags } from './bench.ts';
import { type ComparePlan, measureProjects } from './bench-compare.ts';
import { buildProject } from './build-project.ts';
import { describeMachine } from './describe-machine.ts';
import { withInterrupt } from './interrupt.ts';
import { createPrinter } from './print.ts';
import { showProgress } from './progress.ts';

const DEFAULTS = { connections: [1, 16, 64, 256], ttft: [0, 200, 1000], duration: 5 };

/** Makes each stack, measures it under every load, and says which layout one needs. */
export async function runCompare(stacks: readonly StackName[], flags: BenchFlags): Promise<void> {
  checkFlags(stacks, flags);
  const print = createPrinter({ json: flags.json === true });
  const plan = {
    flags,
    connections: flags.connections ?? DEFAULTS.connections,
    upstreams: flags.ttft ?? DEFAULTS.ttft,
    duration: flags.duration ?? DEFAULTS.duration,
  };
  const minutes = Math.round(countMinutes(stacks.length, plan));
  print.note(`This takes about ${formatCount(minutes)} ${minutes === 1 ? 'minute' : 'minutes'}.`);
  const comparison = await withInterrupt((signal) => compare(stacks, plan, signal));
  const machine = describeMachine();
  const document = { ...comparison, conclusion: conclude(comparison), machine };
  print.say(`\n${formatComparison(comparison)}\n\n${machine}`);
  if (flags.html !== undefined) {
    const { renderComparison } = await import('../bench/compare-html.ts');
    await writeReportFile(flags.html, renderComparison(comparison, machine), document);
    print.note(`The same with charts: ${flags.html}`);
  }
  print.json({ ok: true, ...document });
}

function checkFlags(stacks: readonly StackName[], flags: BenchFlags): void {
  const { stream, rate, keyStdin, keyHeader } = flags;
  if (rate !== undefined) throw usageError('--compare and --rate do not go together.', 'Drop one.');
  if (keyStdin || keyHeader !== undefined) {
    throw usageError('--compare gives each project a key of its own.');
  }
  const simple = stacks.find((name) => layoutOf(name) === 'simple');
  if (!stream || simple === undefined) return;
  throw usageError(`--stream cannot compare ${simple}, which does not stream.`, 'Drop --stream.');
}

/** To install a stack, and to start its server, on a machine of middling speed. */
const INSTALL_SECONDS = 20;
const START_SECONDS = 5;

function countMinutes(stacks: number, { connections, upstreams, duration }: ComparePlan): number {
  const perServer = upstreams.map(
    (ms) => START_SECONDS + connections.length * (duration + 2 + ms / 500),
  );
  const measuring = (stacks + 0.5) * perServer.reduce((sum, seconds) => sum + seconds, 0);
  return Math.max(1, (stacks * INSTALL_SECONDS + measuring) / 60);
}

async function compare(
  stacks: readonly StackName[],
  plan: ComparePlan,
  signal: AbortSignal,
): Promise<Comparison> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'llm-api-bench-')));
  try {
    const projects: Project[] = [];
    for (const name of stacks) projects.push(await makeProject(name, folder, signal));
    return await measureProjects(projects, plan, signal);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** By the same command that a user would type. */
async function makeProject(name: StackName, folder: string, signal: AbortSignal): Promise<Project> {
  const directory = join(folder, `bench-${name}`);
  const create = ['create', directory, '--template', name, '--yes', '--no-key', '--no-git'];
  const argv = [process.execPath, process.argv[1] ?? '', ...create];
  const made = await showProgress(
    `Making and installing the ${name} project`,
    runProgram(argv, { cwd: folder, signal }),
  );
  signal.throwIfAborted();
  if (!made.ok) {
    const needs = languageOf(name) === 'python' ? 'Python 3.11 or newer' : 'npm';
    throw new CliError(`The ${name} project could not be made:\n\n${made.output}`, {
      hint: `It takes ${needs} and its registry.`,
    });
  }
  const project = await findProject(directory);
  await buildProject(project, signal);
  return project;
}
