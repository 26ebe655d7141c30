import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { findFreePort } from '../harness/free-port.ts';
import { cleanEnvironment, findLeaks } from './environment.ts';
import {
  isListening,
  type Program,
  startProgram,
  stopProgram,
  waitUntilHealthy,
} from './program.ts';

/** A project's server, started by the tool. */
export interface Server {
  readonly url: string;
  readonly program: Program;
  /** Ends it, and checks what one must never find after it: a secret in its log, a live port. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly directory: string;
  /** `llm-api dev` or `llm-api start`. */
  readonly command: 'dev' | 'start';
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a server as people do; resolves once it answers. */
export async function startServer({ directory, command, env }: ServerOptions): Promise<Server> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const program = startProgram([process.execPath, findTool(), command], {
    cwd: directory,
    env: { ...cleanEnvironment(), ...env, PORT: String(port) },
  });
  await waitUntilHealthy(program, url);
  return keepServer({ url, program });
}

/** A server that runs, however it was started. */
export function keepServer({ url, program }: Pick<Server, 'url' | 'program'>): Server {
  return {
    url,
    program,
    async stop() {
      await stopProgram(program);
      expect(findLeaks(program.output()), program.output()).toEqual([]);
      expect(await isListening(Number(new URL(url).port)), `${url} after the end`).toBe(false);
    },
  };
}

function findTool(): string {
  const target = inject('target');
  if (target.kind === 'url') throw new Error('there is no tool when the suite runs against a URL');
  return join(target.tool, 'bin/llm-api.js');
}
