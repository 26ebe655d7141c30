import { formatTool } from '../core/commands.ts';
import {
  countVerdicts,
  type Emphasize,
  type Finding,
  formatFindings,
  formatSummary,
  type Judgement,
} from '../core/doctor.ts';
import { CliError, EXIT } from '../core/errors.ts';
import { findProjectFolder, type Project, readProject } from '../effects/find-project.ts';
import { isToolOnPath } from '../effects/programs.ts';
import { readSettings, type Settings } from '../effects/settings.ts';
import { judgeNode, nodeChecks } from './check-node.ts';
import { findProjectPython, pythonChecks } from './check-python.ts';
import { recordChecks } from './check-record.ts';
import { redisChecks } from './check-redis.ts';
import { runningChecks } from './check-running.ts';
import { planRoute, upstreamChecks } from './check-upstream.ts';
import type { DoctorFlags } from './doctor.ts';
import { type Check, once } from './doctor-check.ts';
import { withInterrupt } from './interrupt.ts';
import { createPrinter, paintOutput } from './print.ts';
import { showIfSlow } from './progress.ts';
import { VERSION } from './version.ts';

export async function runDoctor(directory: string | undefined, flags: DoctorFlags): Promise<void> {
  const print = createPrinter(flags);
  const folder = await findProjectFolder(directory);
  const tool = formatTool(VERSION, await isToolOnPath(process.argv[1] ?? ''));
  const project = await readRecord(folder);
  const settings = await readOrDefault(folder);
  const findings = await withInterrupt((signal) => {
    const checks =
      project instanceof CliError
        ? withoutRecord(project)
        : planChecks(project, settings, { tool, signal });
    return runChecks(checks, signal);
  });

  const counts = countVerdicts(findings);
  if (counts.bad > 0) process.exitCode = EXIT.failed;
  print.json({ ok: counts.bad === 0, directory: folder, counts, checks: findings });
  if (flags.json) return;
  const title = project instanceof CliError ? 'A project' : project.manifest.title;
  print.say(`${title} in ${folder}\n\n${formatFindings(findings, emphasize)}\n`);
  print.say(formatSummary(findings, tool));
}

function planChecks(
  project: Project,
  settings: Settings,
  way: { readonly tool: string; readonly signal: AbortSignal },
): readonly Check[] {
  const find = once(() => findProjectPython(project, way.signal));
  const isPython = project.manifest.language === 'python';
  const findRoute = once(async () =>
    planRoute(project, settings, isPython ? await find() : undefined),
  );
  return [
    ...(isPython ? pythonChecks(project, find, way.signal) : nodeChecks(project, way.signal)),
    ...runningChecks(project, settings),
    ...upstreamChecks(project, settings, { ...way, findRoute }),
    ...redisChecks(project, settings, way.signal),
    ...recordChecks(project, way.tool),
  ];
}

/** Without its record a project does not say what it is: little is left to look at. */
function withoutRecord(problem: CliError): readonly Check[] {
  return [
    { name: 'node', run: async () => judgeNode() },
    { name: 'record', run: () => Promise.reject(problem) },
  ];
}

/** A .env that cannot be read is one finding, and the others go on without it. */
async function readOrDefault(folder: string): Promise<Settings> {
  try {
    return await readSettings(folder);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return readSettings(undefined);
  }
}

async function readRecord(folder: string): Promise<Project | CliError> {
  try {
    return await readProject(folder);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}

/** All at the same time: most of them wait for a program, or for the network. */
async function runChecks(checks: readonly Check[], signal: AbortSignal): Promise<Finding[]> {
  const open = new Set(checks.map(({ name }) => name));
  const looking = Promise.all(
    checks.map(async ({ name, run }) => {
      const judgement = await run().catch(judgeError);
      open.delete(name);
      return { name, ...judgement };
    }),
  );
  const findings = await showIfSlow(() => `Looking at ${[...open].join(', ')}`, looking);
  signal.throwIfAborted();
  return findings;
}

/** What another command would end with is one line here. */
function judgeError(error: unknown): Judgement {
  if (!(error instanceof CliError)) throw error;
  const { message, hint } = error;
  return { verdict: 'bad', text: message.replace(/\.$/, ''), ...(hint && { mend: hint }) };
}

const FORMATS = { good: 'green', bad: 'red', skipped: 'dim', mend: 'bold' } as const;

const emphasize: Emphasize = (role, text) => paintOutput(FORMATS[role], text);
