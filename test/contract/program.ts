import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { send } from './http.ts';

/** A program that runs until it ends or is told to. */
export interface Program {
  readonly pid: number;
  /** What it wrote so far, both streams in the order they came. */
  output(): string;
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
}

export interface ProgramOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export function startProgram(argv: readonly string[], { cwd, env }: ProgramOptions): Program {
  const [file = '', ...args] = argv;
  // Its own group, so that a Ctrl-C on the suite does not reach it before the suite's own clean-up.
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  // `close`, not `exit`: the last words of a program come after it has gone.
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const program: Program = {
    pid: child.pid ?? 0,
    output: () => Buffer.concat(chunks).toString(),
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => void child.kill(signal),
  };
  running.set(child, program);
  return program;
}

const running = new Map<ChildProcess, Program>();

/** Ends what a failed test has left running. */
export async function stopAllPrograms(): Promise<void> {
  await Promise.allSettled([...running.values()].map((program) => stopProgram(program)));
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
}

/** Runs a program to its end. */
export async function runProgram(
  argv: readonly string[],
  options: ProgramOptions,
): Promise<{ code: number | NodeJS.Signals; output: string }> {
  const program = startProgram(argv, options);
  return { code: await program.ended, output: program.output() };
}

/** Waits until `url` answers /healthz, for as long as the program lives. */
export async function waitUntilHealthy(program: Program, url: string): Promise<void> {
  const deadline = Date.now() + 45_000;
  while (Date.now() < deadline) {
    if (program.hasEnded()) break;
    const answer = await send(url, { path: '/healthz' }).catch(() => undefined);
    if (answer?.status === 200) return;
    await pause(50);
  }
  const end = await tellEnd(program);
  killGroup(program.pid);
  throw new Error(`The server did not come up at ${url}. ${end}`);
}

/** Asks a program to end. @throws Error when it had by itself, or has not within `seconds`. */
export async function stopProgram(
  program: Program,
  seconds = 10,
): Promise<number | NodeJS.Signals> {
  if (program.hasEnded()) throw new Error(`Nobody had asked it to end. ${await tellEnd(program)}`);
  program.kill('SIGTERM');
  const code = await withDeadline(program.ended, seconds);
  if (code !== undefined) return code;
  killGroup(program.pid);
  throw new Error(`It did not end within ${seconds} s of SIGTERM. It wrote:\n${program.output()}`);
}

async function tellEnd(program: Program): Promise<string> {
  const code = await withDeadline(program.ended, 1);
  const end = code === undefined ? 'It has not ended' : `It ended with ${code}`;
  return `${end}, and wrote:\n${program.output()}`;
}

/** The promise's value, or undefined when it does not come in time. */
export async function withDeadline<T>(
  promise: Promise<T>,
  seconds: number,
): Promise<T | undefined> {
  const timeout = new AbortController();
  try {
    return await Promise.race([promise, pause(1000 * seconds, timeout.signal)]);
  } finally {
    timeout.abort();
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, undefined);
    signal?.addEventListener('abort', () => clearTimeout(timer));
  });
}

/** Listens on a port of its own and hangs up on whoever calls. */
export async function occupyPort(): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
