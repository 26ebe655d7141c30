import { setTimeout as sleep } from 'node:timers/promises';
import type { Ended, Program } from './exec.ts';
import { guardTree, isTreeAlive, killTree, type StopSignal, signalTree } from './process-tree.ts';
import type { StopRequests } from './stop-requests.ts';

export interface StopPolicy {
  /** Which signal to hand on for the one that came. */
  readonly signal: (came: StopSignal) => StopSignal;
  readonly whom: 'leader' | 'tree';
  /** How long the program may take to end once it is asked. */
  readonly graceMs: number;
}

export type Outcome =
  /** By itself. */
  | { readonly how: 'ended'; readonly ended: Ended }
  /** Because it was asked to, in time. */
  | { readonly how: 'stopped'; readonly ended: Ended }
  /** It did not end in time, or nobody wanted to wait for it. */
  | { readonly how: 'killed'; readonly why: 'too late' | 'insisted' };

/** What a program leaves behind when it ends gets this long to end as well. */
const REST_MS = 800;
const POLL_MS = 20;

/** Stays with a program to its end, whoever brings it about. Nothing that it started outlives it. */
export async function superviseProgram(
  program: Program,
  policy: StopPolicy,
  requests: Pick<StopRequests, 'asked' | 'insisted'>,
): Promise<Outcome> {
  const { pid } = program;
  if (pid === undefined) return { how: 'ended', ended: await program.ended };
  const kill = (): void => killTree(pid);
  process.once('exit', kill);
  const dismissGuard = guardTree(pid);
  try {
    return await waitForEnd(program, pid, policy, requests);
  } finally {
    process.off('exit', kill);
    dismissGuard();
  }
}

async function waitForEnd(
  program: Program,
  pid: number,
  policy: StopPolicy,
  requests: Pick<StopRequests, 'asked' | 'insisted'>,
): Promise<Outcome> {
  const ended = program.ended.then((end) => ({ how: 'ended', ended: end }) as const);
  const came = await Promise.race([ended, requests.asked]);
  if (typeof came === 'object') {
    await endRest(pid, requests);
    return came;
  }
  signalTree(pid, policy.signal(came), policy.whom);
  const patience = new AbortController();
  const result = await Promise.race([
    ended,
    requests.insisted.then(() => 'insisted' as const),
    sleep(policy.graceMs, 'too late' as const, { signal: patience.signal }),
  ]);
  patience.abort();
  if (typeof result === 'object') {
    await endRest(pid, requests);
    return { how: 'stopped', ended: result.ended };
  }
  killTree(pid);
  await ended;
  return { how: 'killed', why: result };
}

/** The program has ended; what it started gets a short while, then is killed. */
async function endRest(pid: number, requests: Pick<StopRequests, 'insisted'>): Promise<void> {
  if (!isTreeAlive(pid)) return;
  signalTree(pid, 'SIGTERM', 'tree');
  await waitUntilGone(pid, requests.insisted);
  killTree(pid);
}

async function waitUntilGone(pid: number, hurry: Promise<void>): Promise<void> {
  let hurried = false;
  void hurry.then(() => {
    hurried = true;
  });
  const end = performance.now() + REST_MS;
  while (isTreeAlive(pid) && !hurried && performance.now() < end) await sleep(POLL_MS);
}
