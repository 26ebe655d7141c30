import { execa } from 'execa';
import type { Step } from '../core/commands.ts';

export interface RunOptions {
  readonly cwd: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program and all that it started. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly ok: boolean;
  /** What the program wrote, both streams in the order they came. */
  readonly output: string;
  /** One sentence on why it failed, empty when it did not. */
  readonly problem: string;
}

/**
 * Runs one program to its end and keeps what it wrote. Never rejects for the program's own
 * failure: a program that is missing, fails or is ended is a result.
 */
export async function runProgram(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const [file = '', ...args] = argv;
  const result = await execa(file, args, {
    cwd: options.cwd,
    ...(options.env && { env: options.env }),
    ...(options.signal && { cancelSignal: options.signal }),
    all: true,
    reject: false,
    stdin: 'ignore',
    forceKillAfterDelay: 2000,
  });
  const ok = !result.failed;
  return { ok, output: result.all ?? '', problem: ok ? '' : describeFailure(file, result) };
}

function describeFailure(
  file: string,
  result: {
    readonly code?: string | undefined;
    readonly exitCode?: number | undefined;
    readonly signal?: string | undefined;
    readonly isCanceled: boolean;
  },
): string {
  if (result.isCanceled) return `${file} was cancelled`;
  if (result.code === 'ENOENT') return `${file} was not found`;
  if (result.signal) return `${file} was ended by ${result.signal}`;
  return `${file} exited with code ${result.exitCode}`;
}

/** A program as a step of `create`. */
export function runStep(step: Step, options: RunOptions): Promise<RunResult> {
  return runProgram(step.argv, options);
}
