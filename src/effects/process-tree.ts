import { spawn, spawnSync } from 'node:child_process';

/**
 * A program and all that it started, as one thing to signal. On POSIX it is a process group that
 * the program leads; Windows has none and walks from parent to child when it kills.
 */
const WINDOWS = process.platform === 'win32';

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Asks the program alone (`leader`) or every process of its tree (`tree`) to end. */
export function signalTree(pid: number, signal: StopSignal, whom: 'leader' | 'tree'): void {
  // Ctrl-C has reached every process of a Windows console by itself, and nothing else asks politely.
  if (WINDOWS) return;
  send(whom === 'tree' ? -pid : pid, signal);
}

/** Ends the whole tree at once, without asking. Synchronous: it runs when our own process exits. */
export function killTree(pid: number): void {
  if (WINDOWS) spawnSync('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore' });
  else send(-pid, 'SIGKILL');
}

/** Whether anything of the tree is left. On Windows the program's own end is all that can be seen. */
export function isTreeAlive(pid: number): boolean {
  return !WINDOWS && send(-pid, 0);
}

/**
 * Ends the tree when this process is gone without having had a say in it (SIGKILL, out of memory):
 * a shell waits at the other end of a pipe that the system closes with us.
 *
 * @returns what ends the guard, once the tree needs none
 */
export function guardTree(pid: number): () => void {
  if (WINDOWS) return () => {};
  const script = 'read -r _; kill -s TERM -- "-$0" && sleep 3 && kill -s KILL -- "-$0"';
  const guard = spawn('/bin/sh', ['-c', script, String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: {},
  });
  // A system without /bin/sh goes without the guard.
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  return () => void guard.kill('SIGKILL');
}

/** @returns whether there was anybody to send it to */
function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
