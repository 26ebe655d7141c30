import { existsSync, type WriteStream } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Step } from '../core/commands.ts';
import { isTreeAlive, killTree, signalTree } from './process-tree.ts';

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

/** Its own process group; on Windows a detached program would open a console of its own. */
const OWN_GROUP = process.platform !== 'win32';
const GRACE_MS = 2000;

/**
 * Runs one program to its end and keeps what it wrote. Never rejects for the program's own
 * failure: a program that is missing, fails or is ended is a result.
 */
export async function runProgram(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const [file = '', ...args] = argv;
  const subprocess = execa(file, args, {
    cwd: options.cwd,
    ...(options.env && { env: options.env }),
    all: true,
    reject: false,
    detached: OWN_GROUP,
    stdin: 'ignore',
  });
  const settle = endOnAbort(subprocess.pid, options.signal);
  const result = await subprocess;
  await settle();
  const ok = !result.failed;
  const problem = ok
    ? ''
    : existsSync(options.cwd)
      ? describeFailure(file, result)
      : `${options.cwd} is not there any more`;
  return { ok, output: result.all ?? '', problem };
}

/**
 * Ends a program and all that it started when the signal comes: asks first, soon after insists.
 * @returns what to call once the program itself has ended; resolves when nothing of it is left
 */
function endOnAbort(pid: number | undefined, signal: AbortSignal | undefined): () => Promise<void> {
  if (pid === undefined || signal === undefined) return async () => {};
  let insist: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalTree(pid, 'SIGTERM', 'tree');
    insist = setTimeout(() => killTree(pid), GRACE_MS);
  };
  signal.addEventListener('abort', end, { once: true });
  return async () => {
    signal.removeEventListener('abort', end);
    clearTimeout(insist);
    if (!signal.aborted) return;
    killTree(pid);
    // A system that never buries its dead would keep us here for ever.
    for (let waited = 0; isTreeAlive(pid) && waited < GRACE_MS; waited += 20) await sleep(20);
  };
}

function describeFailure(
  file: string,
  result: {
    readonly code?: string | undefined;
    readonly exitCode?: number | undefined;
    readonly signal?: string | undefined;
  },
): string {
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

export interface StartOptions {
  readonly cwd: string;
  /** Its whole environment. */
  readonly env: NodeJS.ProcessEnv;
  /** A file, open, that takes what it writes in place of our own output: nothing passes us. */
  readonly log?: WriteStream;
}

/**
 * Starts a program as the leader of its own process group, so that the terminal's Ctrl-C reaches
 * only us and all that the program starts can be ended with it.
 */
export function startProgram(argv: readonly string[], { cwd, env, log }: StartOptions): Program {
  const [file = '', ...args] = argv;
  const subprocess = execa(file, args, {
    cwd,
    env,
    extendEnv: false,
    detached: OWN_GROUP,
    stdin: 'ignore',
    stdout: log ?? 'inherit',
    stderr: log ?? 'inherit',
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
