import type { Judgement } from '../core/doctor.ts';
import { CliError } from '../core/errors.ts';
import type { Project } from '../effects/find-project.ts';

/** A Python that does not answer by then has something else the matter. */
const MAX_MS = 5000;

/**
 * Why a server may not start: packages that are not installed as its lock says, as `doctor` sees
 * it, and the command that installs them. Undefined where they are, or where nobody can tell.
 */
export async function explainPackages(project: Project): Promise<string | undefined> {
  const found = await judge(project).catch((error: unknown) => {
    if (error instanceof CliError) return undefined;
    throw error;
  });
  if (found?.verdict !== 'bad') return undefined;
  const lines = (found.details ?? []).map((line) => `  ${line}`);
  return [`That may be why: ${found.text}.`, ...lines, `Install them: ${found.mend}`].join('\n');
}

/** Loaded here because a server that starts needs none of it. */
async function judge(project: Project): Promise<Judgement> {
  if (project.manifest.language === 'typescript') {
    const { judgeNodePackages } = await import('./check-node.ts');
    return judgeNodePackages(project);
  }
  const { findProjectPython, judgePackages } = await import('./check-python.ts');
  return judgePackages(project, await findProjectPython(project, AbortSignal.timeout(MAX_MS)));
}
