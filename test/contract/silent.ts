import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { cleanEnvironment } from './environment.ts';
import { eventually } from './eventually.ts';
import { type Program, startProgram } from './program.ts';

/** A port that takes no more connections, and refuses none. */
export interface SilentPort {
  readonly port: number;
  close(): void;
}

/** Listens, and never takes what waits at its door. Node cannot: it always does. */
const LISTENER = `
import socket, time
door = socket.socket()
door.bind(("127.0.0.1", 0))
door.listen(0)
print(door.getsockname()[1], flush=True)
time.sleep(600)
`;

/** Fills the queue of a listener: who comes after that hears nothing, not even a no. */
export async function startSilentPort(): Promise<SilentPort> {
  const python = process.platform === 'win32' ? 'python' : 'python3';
  const program = startProgram([python, '-c', LISTENER], { cwd: '.', env: cleanEnvironment() });
  await eventually(() => expect(program.output()).toMatch(/^\d+\n/), 20);
  const port = Number(program.output());
  const waiting: Socket[] = [];
  while (await isTaken(port, waiting)) if (waiting.length > 64) throw tooMany(program);
  return {
    port,
    close() {
      for (const socket of waiting) socket.destroy();
      program.kill('SIGKILL');
    },
  };
}

/** Loopback connects at once or not at all. */
async function isTaken(port: number, waiting: Socket[]): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  waiting.push(socket);
  socket.on('error', () => {});
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(500) });
    return true;
  } catch {
    return false;
  }
}

function tooMany(program: Program): Error {
  program.kill('SIGKILL');
  return new Error('a listener with no queue took 64 connections');
}
