import { CliError, EXIT, usageError } from '../core/errors.ts';
import { claimAddress, planAddress } from '../effects/choose-address.ts';
import type { Project } from '../effects/find-project.ts';
import { resolveProgram } from '../effects/resolve-program.ts';
import { readSettings, type Settings } from '../effects/settings.ts';
import { buildProject } from './build-project.ts';
import { explainPackages } from './explain-packages.ts';
import { withInterrupt } from './interrupt.ts';
import { openProject } from './open-project.ts';
import { createPrinter } from './print.ts';
import { type RunEnd, runServer, serverEnv } from './run-server.ts';
import type { StartFlags } from './start.ts';

const DEFAULT_DRAIN_SECONDS = 30;

export async function runStart(directory: string | undefined, flags: StartFlags): Promise<void> {
  const print = createPrinter();
  const project = await openProject(directory, print);
  const settings = await readSettings(project.directory);
  const argv = await resolveProgram(project, project.manifest.commands.start);
  const workers = planWorkers(project, flags.workers);
  const wanted = planAddress(flags, settings);
  await claimAddress(wanted);
  await withInterrupt((signal) => buildProject(project, signal));
  const seconds = drainSeconds(settings) + 1;
  const end = await runServer({
    project,
    argv,
    env: serverEnv(project, wanted, {
      APP_ENV: process.env.APP_ENV || 'production',
      ...workers,
    }),
    address: wanted,
    // The server itself tells its workers, and knows in which order.
    policy: { signal: () => 'SIGTERM', whom: 'leader', graceMs: seconds * 1000 },
    onSlow: () => print.note(`No answer from ${wanted.url}/healthz for a minute.`),
    onReady: () => print.note(`${project.manifest.title} is ready: ${wanted.url}`),
  });
  process.exitCode = await judge(project, end, seconds);
}

/** @throws CliError (2) for a stack that does not read WORKERS */
function planWorkers({ manifest }: Project, workers: number | undefined): NodeJS.ProcessEnv {
  if (workers === undefined) return {};
  if (manifest.env.some(({ name }) => name === 'WORKERS')) return { WORKERS: String(workers) };
  throw usageError(
    `--workers is for the async stacks; ${manifest.title} runs one process.`,
    'Drop it, or make an async project: create-llm-api --template async',
  );
}

function drainSeconds(settings: Settings): number {
  const seconds = Number(settings.get('DRAIN_TIMEOUT') ?? DEFAULT_DRAIN_SECONDS);
  // A server that minds a senseless value says so itself, and does not start.
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : DEFAULT_DRAIN_SECONDS;
}

/** @throws CliError when the server did not start, or had to be killed */
async function judge(
  project: Project,
  { outcome, wasReady }: RunEnd,
  seconds: number,
): Promise<number> {
  if (outcome.how === 'killed') {
    if (outcome.why === 'insisted') return EXIT.cancelled;
    throw new CliError(`The server did not end within ${seconds} s and was killed.`);
  }
  const { code, description } = outcome.ended;
  if (outcome.how === 'stopped') {
    // Ended by the signal itself, or with the code that stands for it: that is what was asked for.
    return code === undefined || code === 143 || code === 130 ? EXIT.done : code;
  }
  if (wasReady && code === EXIT.done) return EXIT.done;
  if (wasReady) {
    throw new CliError(`The server ended: ${description}.`, {
      hint: 'Its own last words are above.',
      exitCode: code ?? EXIT.failed,
    });
  }
  const packages = await explainPackages(project);
  throw new CliError(`The server did not start: ${description}.`, {
    hint: ['Its own last words are above.', packages].filter(Boolean).join(' '),
  });
}
