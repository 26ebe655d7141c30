import { relative } from 'node:path';
import { formatCommands, GIT_STEPS, planInstall, type Step } from '../core/commands.ts';
import { CliError } from '../core/errors.ts';
import { resolveForOurs } from '../core/resolve-for-ours.ts';
import type { PackageManager } from '../core/stacks.ts';
import type { Asker } from '../effects/ask.ts';
import { isToolOnPath } from '../effects/programs.ts';
import { type Applied, applyOps, recoverProject } from '../effects/project.ts';
import { formatAgain, formatNext, formatRecovery } from './closing.ts';
import { collectAnswers, type Request } from './collect-answers.ts';
import type { CreateFlags } from './create.ts';
import { withInterrupt } from './interrupt.ts';
import { type CreatePlan, planCreate } from './plan-create.ts';
import {
  createPrinter,
  hasTerminal,
  isCi,
  openErrorOutput,
  openOutput,
  type Printer,
} from './print.ts';
import type { StepsResult } from './run-steps.ts';
import { showClosing, showReplaced } from './show-create.ts';
import { VERSION } from './version.ts';

/**
 * Answers, plan, apply, install, first commit.
 * @throws CliError with the exit code; before the files are in place nothing is left behind
 */
export async function runCreate(typed: string | undefined, flags: CreateFlags): Promise<void> {
  const printer = createPrinter({ json: flags.json === true });
  const request = await collectAnswers(typed, flags, await loadAsker(flags));
  if (!flags.dryRun) recoverProject(request.directory);
  const planned = await planCreate(request);
  if (flags.dryRun) {
    const { showDryRun } = await import('./show-dry-run.ts');
    return showDryRun(printer, request, planned);
  }
  showReplaced(printer, planned);
  await withInterrupt((signal) => makeProject(request, planned, flags, printer, signal));
  if (flags.run) {
    const { runDev } = await import('./run-dev.ts');
    await runDev(request.directory, { ask: 'Hello' });
  }
}

/** Someone who can be asked: a terminal on both sides, and no machine that only looks like one. */
async function loadAsker({ yes, json }: CreateFlags): Promise<Asker | undefined> {
  if (yes || isCi(process.env) || !(json || hasTerminal())) return undefined;
  const output = json ? openErrorOutput() : openOutput();
  if (!output.isTTY || !process.stdin.isTTY) return undefined;
  const { createAsker } = await import('../effects/ask.ts');
  return createAsker(output);
}

async function makeProject(
  request: Request,
  planned: CreatePlan,
  { run, overwrite }: CreateFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const { directory, answers } = request;
  const installSteps = request.install ? await chooseInstall(answers.packageManager) : [];
  const applied = await applyOps(directory, resolveForOurs(planned.ops), planned.disk);
  const gitSteps = request.git ? GIT_STEPS : [];
  const install = await runUntilInterrupt(installSteps, directory, applied, signal);
  // The repository is made even if the installation failed: one does not need the other.
  const git = await runUntilInterrupt(gitSteps, directory, applied, signal);
  await applied.keep();

  const cd = relative(process.cwd(), directory);
  const { install: installCommand } = formatCommands(planned.manifest, answers.packageManager);
  const next = formatNext(cd, {
    install: request.install ? undefined : installCommand,
    version: VERSION,
    onPath: await isToolOnPath(process.argv[1] ?? ''),
  });
  const again = formatAgain(cd || '.', answers, {
    ...request,
    overwrite: overwrite === true,
    version: VERSION,
  });
  const report = {
    directory,
    answers,
    operations: planned.ops.map(({ kind, path }) => ({ kind, path })),
    steps: [...install.done, ...git.done],
    next,
    again,
  };
  const failed = install.failed ?? git.failed;
  if (!failed) {
    showClosing(printer, request, planned, { next: run ? undefined : next, again });
    return printer.json({ ok: true, ...report });
  }
  if (failed.output) printer.note(`\n${failed.output}\n`);
  const undone = [...installSteps.slice(install.done.length), ...gitSteps.slice(git.done.length)];
  const recovery = formatRecovery(cd, undone);
  throw new CliError(
    `${failed.step.title} failed: ${failed.problem}. The project is in ${directory}, whole but for that.`,
    { hint: `Go on from there with:\n  ${recovery}`, details: { ...report, recovery } },
  );
}

/** @throws CliError where there is nothing to install with that this can know beforehand */
async function chooseInstall(packageManager: PackageManager): Promise<readonly Step[]> {
  if (packageManager !== 'pip') return planInstall(packageManager);
  const { findPython } = await import('../effects/find-python.ts');
  return planInstall(packageManager, await findPython());
}

async function runUntilInterrupt(
  steps: readonly Step[],
  cwd: string,
  applied: Applied,
  signal: AbortSignal,
): Promise<StepsResult> {
  if (steps.length === 0) return { done: [], failed: undefined };
  // Loaded here because it starts processes, which a project that installs nothing never does.
  const { runSteps } = await import('./run-steps.ts');
  const result = await runSteps(steps, { cwd, signal });
  if (!signal.aborted) return result;
  await applied.undo();
  throw signal.reason;
}
