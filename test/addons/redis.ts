import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRedisUrl, type RedisAddress } from '../../src/core/doctor-redis.ts';
import { pingRedis } from '../../src/effects/ping-redis.ts';
import { eventually } from '../contract/eventually.ts';
import { type Program, startProgram } from '../contract/program.ts';
import { findFreePort } from '../harness/free-port.ts';

/** The stacks whose code is there. */
export const HAS_REDIS = { layout: 'async' } as const;

/** A Redis of a test's own, which keeps nothing on disk. */
export interface Redis {
  readonly url: string;
  /** As a machine that loses its power. */
  kill(): Promise<void>;
  /** As it was at first: empty. */
  start(): Promise<void>;
  /** It takes commands, and says nothing. */
  freeze(): void;
  thaw(): void;
  /** For good. */
  close(): Promise<void>;
}

/**
 * Starts the program of the system on a free port.
 * @param password what it wants to hear from its clients
 */
export async function startRedis(password = ''): Promise<Redis> {
  const port = await findFreePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const url = `redis://${password && `:${password}@`}127.0.0.1:${port}/0`;
  const address = parseRedisUrl(url) as RedisAddress;
  let program: Program | undefined;
  const start = async (): Promise<void> => {
    const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    if (password) options.push('--requirepass', password);
    const argv = ['redis-server', ...options.map(String)];
    program = startProgram(argv, { cwd: folder, env: { PATH: process.env.PATH ?? '' } });
    await eventually(async () => {
      const answer = await pingRedis(address, new AbortController().signal);
      if (answer.kind === 'error') throw new Error(`${answer.code}\n${program?.output()}`);
    });
  };
  const kill = async (): Promise<void> => {
    program?.kill('SIGKILL');
    await program?.ended;
  };
  await start();
  return {
    url,
    start,
    kill,
    freeze: () => program?.kill('SIGSTOP'),
    thaw: () => program?.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true });
    },
  };
}
