import { existsSync } from 'node:fs';
import { basename } from 'node:path';
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
  const problem = ok
    ? ''
    : existsSync(options.cwd)
      ? describeFailure(file, result)
      : `${options.cwd} is not there any more`;
  return { ok, output: result.all ?? '', problem };
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

/** How a program came to its end. */
export interface Ended {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** One sentence, without a full stop. */
  readonly description: string;
}

/** A program that goes on until it is stopped; its output is ours. */
export interface Program {
  /** Undefined when it could not be started: then it has ended already. */
  readonly pid: number | undefined;
  /** Never rejects. */
  readonly ended: Promise<Ended>;
}

/**
 * Starts a program as the leader of its own process group, so that the terminal's Ctrl-C reaches
 * only us and all that the program starts can be ended with it.
 *
 * @param env its whole environment
 */
export function startProgram(
  argv: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Program {
  const [file = '', ...args] = argv;
  const subprocess = execa(file, args, {
    cwd,
    env,
    extendEnv: false,
    // On Windows a detached program would open a console of its own.
    detached: process.platform !== 'win32',
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    buffer: false,
    reject: false,
  });
  const ended = subprocess.then((result) => ({
    code: result.exitCode,
    signal: result.signal,
    description: describeFailure(basename(file), result),
  }));
  return { pid: subprocess.pid, ended };
}
