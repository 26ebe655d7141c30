import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export type Bin = 'create-llm-api' | 'llm-api';

export function binPath(bin: Bin): string {
  return join(ROOT, 'bin', `${bin}.js`);
}

export interface Outcome {
  /** 128 + number for a signal, as a shell says it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunCliOptions {
  readonly cwd?: string;
  /** Replaces variables of this process; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** Called with the pid once the process has started. */
  readonly onStart?: (pid: number) => void;
  /** Runs as another user, where this one may do everything. */
  readonly uid?: number;
}

/** A person who has set up git, on any machine. */
const GIT_IDENTITY = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'A Person',
  GIT_AUTHOR_EMAIL: 'person@example.com',
  GIT_COMMITTER_NAME: 'A Person',
  GIT_COMMITTER_EMAIL: 'person@example.com',
};

/** What a person's shell has, and nothing that the test runner or CI adds. */
export function plainEnvironment(
  changes: Readonly<Record<string, string | undefined>> = {},
): NodeJS.ProcessEnv {
  const dropped =
    /^(npm_|VITEST|CI$|OPENAI_|LLM_|HOST$|PORT$|APP_ENV$|NO_COLOR|FORCE_COLOR|NODE_ENV)/;
  const kept = Object.entries(process.env).filter(([name]) => !dropped.test(name));
  return { ...Object.fromEntries(kept), ...GIT_IDENTITY, ...changes };
}

/** Runs the built program as a process of its own, without a terminal. */
export async function runCli(
  bin: Bin,
  args: readonly string[],
  { cwd = ROOT, env = {}, input, onStart, uid }: RunCliOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [binPath(bin), ...args], {
    cwd,
    env: plainEnvironment(env),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin?.end(input);
  if (child.pid) onStart?.(child.pid);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code: code ?? 128 + (signal === 'SIGTERM' ? 15 : 9), stdout, stderr });
    });
  });
}

/** An empty folder of this test's own, removed after it. */
export async function makeFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'create-llm-api-test-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
