import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { binPath, type Outcome, plainEnvironment } from './cli.ts';
import { waitFor } from './wait.ts';

/** The built program while it runs. */
export interface Running {
  readonly pid: number;
  /** Both streams so far. */
  output(): string;
  /** Until the words have been written. @throws Error with what was, when it ends before */
  waitFor(words: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** `code` is undefined for a process that a signal ended. */
  readonly ended: Promise<Omit<Outcome, 'code'> & { code: number | undefined; seconds: number }>;
}

/** Starts the program in `cwd`; it is stopped when the test ends. */
export function startTool(
  args: readonly string[],
  {
    cwd,
    env = {},
    stdin = 'ignore',
  }: {
    cwd: string;
    env?: Readonly<Record<string, string | undefined>>;
    /** A pipe is left open: somebody may still write. */
    stdin?: 'ignore' | 'pipe';
  },
): Running {
  const child = spawn(process.execPath, [binPath('llm-api'), ...args], {
    cwd,
    env: plainEnvironment(env),
    stdio: [stdin, 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the program did not start');
  let stdout = '';
  let stderr = '';
  let over = false;
  let signalledAt = performance.now();
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
    child.on('exit', (code) => {
      over = true;
      const seconds = (performance.now() - signalledAt) / 1000;
      child.on('close', () => resolve({ code: code ?? undefined, stdout, stderr, seconds }));
    });
  });
  onTestFinished(async () => {
    if (over) return;
    // Asked first, so that it takes its own children and notes along.
    child.kill('SIGTERM');
    await Promise.race([ended, delay(5000)]);
    child.kill('SIGKILL');
  });
  const output = (): string => stdout + stderr;
  return {
    pid,
    output,
    waitFor: async (words) => {
      await waitFor(() => output().includes(words) || over);
      if (!output().includes(words)) throw new Error(`"${words}" is not in:\n${output()}`);
    },
    signal: (signal) => {
      signalledAt = performance.now();
      process.kill(pid, signal);
    },
    ended,
  };
}

/** The address that the program says it answers at. */
export function addressOf(running: Running): string {
  const [address] = /http:\/\/127\.0\.0\.1:\d+(?=\n)/.exec(running.output()) ?? [];
  if (!address) throw new Error(`no address in:\n${running.output()}`);
  return address;
}
