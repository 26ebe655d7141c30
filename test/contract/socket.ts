import type { IncomingMessage } from 'node:http';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { PROMPT } from './environment.ts';
import { eventually } from './eventually.ts';
import type { Answer } from './http.ts';
import type { Problem } from './problem.ts';

/** One message of a server's. */
export interface Said {
  readonly text?: string;
  readonly finish_reason?: string;
  readonly model?: string;
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number };
  readonly error?: Problem;
}

/** A WebSocket at /generate/ws. */
export interface Talk {
  /** All that came so far. */
  readonly said: readonly Said[];
  /** Sends a request; the prompt is one of ours unless the fields have another. */
  ask(fields?: Readonly<Record<string, unknown>>): void;
  /** Sends anything. */
  send(message: string | Buffer): void;
  /** Waits for so many messages that end an answer, counted from the start: all that came till then. */
  ends(count: number, seconds?: number): Promise<readonly Said[]>;
  /** The code that it was closed with. */
  readonly closed: Promise<number>;
  /** Says goodbye. */
  close(): void;
  /** Hangs up without a word. */
  leave(): void;
  /** Reads nothing more. */
  pause(): void;
}

type Headers = Readonly<Record<string, string>>;

/** @throws Error when the handshake is refused */
export async function talk(url: string, headers: Headers = {}): Promise<Talk> {
  const result = await shakeHands(url, headers);
  if ('ask' in result) return result;
  throw new Error(`the handshake was refused: ${result.status} ${result.text}`);
}

/** The answer to a handshake that is refused. */
export async function refusal(
  url: string,
  headers: Headers = {},
  path = '/generate/ws',
): Promise<Answer> {
  const result = await shakeHands(url, headers, path);
  if (!('ask' in result)) return result;
  result.leave();
  throw new Error('the handshake was not refused');
}

function shakeHands(url: string, headers: Headers, path = '/generate/ws'): Promise<Talk | Answer> {
  const socket = new WebSocket(url.replace(/^http/, 'ws') + path, { headers });
  const kept = keep(socket);
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(kept));
    socket.on('error', reject);
    socket.on('unexpected-response', (_, incoming) => resolve(collect(incoming)));
  });
}

function keep(socket: WebSocket): Talk {
  const said: Said[] = [];
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  socket.on('message', (data, isBinary) => {
    if (isBinary) throw new Error('a binary message from the server');
    said.push(JSON.parse(data.toString()) as Said);
  });
  return {
    said,
    closed,
    ask: (fields = {}) => socket.send(JSON.stringify({ prompt: PROMPT, ...fields })),
    send: (message) => socket.send(message),
    async ends(count, seconds) {
      await eventually(() => expect(said.filter(isEnd)).toHaveLength(count), seconds);
      return said;
    },
    close: () => socket.close(1000),
    leave: () => socket.terminate(),
    pause: () => socket.pause(),
  };
}

export function isEnd({ finish_reason, error }: Said): boolean {
  return finish_reason !== undefined || error !== undefined;
}

async function collect(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text };
}
