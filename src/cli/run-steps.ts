import type { Step } from '../core/commands.ts';
import { runStep } from '../effects/exec.ts';
import { showProgress } from './progress.ts';

/** In CI yarn would refuse to write the lock that a new project does not have yet. */
const FIRST_LOCK = { YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' };

export interface StepsResult {
  readonly done: readonly Step[];
  /** The step that failed, with what it wrote; undefined when all went well. */
  readonly failed:
    | { readonly step: Step; readonly problem: string; readonly output: string }
    | undefined;
}

/** Runs steps one after the other, with progress, up to the first that fails. */
export async function runSteps(
  steps: readonly Step[],
  options: { readonly cwd: string; readonly signal: AbortSignal },
): Promise<StepsResult> {
  const done: Step[] = [];
  for (const step of steps) {
    if (options.signal.aborted) break;
    const { ok, problem, output } = await showProgress(
      step.title,
      runStep(step, { ...options, env: FIRST_LOCK }),
    );
    if (!ok) return { done, failed: { step, problem, output } };
    done.push(step);
  }
  return { done, failed: undefined };
}
