import { CliError } from '../core/errors.ts';
import { runProgram } from '../effects/exec.ts';
import type { Project } from '../effects/find-project.ts';
import { resolveProgram, withProjectPath } from '../effects/resolve-program.ts';
import { showProgress } from './progress.ts';

/**
 * Builds what `start` runs, where there is something to build.
 * @throws CliError with what the build wrote
 */
export async function buildProject(project: Project, signal: AbortSignal): Promise<void> {
  const { build: command } = project.manifest.commands;
  if (!command) return;
  const argv = await resolveProgram(project, command);
  const env = withProjectPath(project, process.env) as Record<string, string>;
  const run = runProgram(argv, { cwd: project.directory, env, signal });
  const result = await showProgress('Building', run);
  signal.throwIfAborted();
  if (result.ok) return;
  throw new CliError(`The build failed: ${result.problem}.\n\n${result.output}`);
}
