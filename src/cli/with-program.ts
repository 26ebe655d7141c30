import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../core/errors.ts';
import { startProgram } from '../effects/exec.ts';
import type { StopSignal } from '../effects/process-tree.ts';
import { type StopPolicy, superviseProgram } from '../effects/supervise.ts';
import { waitUntilReady } from '../effects/wait-ready.ts';

export interface Background {
  /** What it is to people: `The server`. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** It is ready once this address answers on this path. */
  readonly url: string;
  readonly path?: string;
}

const POLICY: StopPolicy = { signal: () => 'SIGTERM', whom: 'leader', graceMs: 3000 };
const SLOW_MS = 30_000;
const LAST_WORDS = 2000;
const TRIM_MS = 1000;
const MAX_LOG_BYTES = 64 * 1024 * 1024;

/**
 * Runs a program for as long as the work takes. What it writes goes to a file that is shown where
 * it ends before that; the work's signal comes then too. Nothing of it is left afterwards.
 *
 * @throws CliError when it does not start or ends early; else what the work throws
 */
export async function withProgram<Result>(
  { name, argv, cwd, env, url, path: readyPath }: Background,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), 'llm-api-bench-'));
  const path = join(folder, 'log');
  const log = createWriteStream(path, { flags: 'a' });
  await once(log, 'open');
  const trim = setInterval(() => void keepSmall(path), TRIM_MS);
  const program = startProgram(argv, { cwd, env, log });
  let stop = (): void => {};
  const asked = new Promise<StopSignal>((resolve) => {
    stop = () => resolve('SIGTERM');
  });
  const insisted = new Promise<never>(() => {});
  const end = superviseProgram(program, POLICY, { asked, insisted });
  const failed = new AbortController();
  void end.then(() => failed.abort());
  const slow = { afterMs: SLOW_MS, say: () => failed.abort() };
  const both = AbortSignal.any([signal, failed.signal]);
  try {
    await waitUntilReady(url, both, slow, readyPath);
    return await work(both);
  } catch (error) {
    if (signal.aborted || !failed.signal.aborted) throw signal.aborted ? signal.reason : error;
    const words = (await readFile(path, 'utf8')).slice(-LAST_WORDS).trim();
    const what = `${name} did not start, or ended before it was to`;
    throw new CliError(words ? `${what}. Its last words:\n\n${words}\n` : `${what}, silently.`);
  } finally {
    stop();
    await end;
    clearInterval(trim);
    log.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A line for each request adds up, and the temporary folder may well be memory. */
async function keepSmall(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > MAX_LOG_BYTES) await truncate(path);
  } catch {
    // It has just been removed.
  }
}
