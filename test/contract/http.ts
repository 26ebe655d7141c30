import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { PROMPT } from './environment.ts';

/** What is sent, down to the framing: `fetch` would tidy up what a test means to be untidy. */
export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Sends the body in pieces, with no Content-Length to judge it by. */
  readonly chunked?: boolean;
  /** Announces more of a body than it sends. */
  readonly unfinished?: boolean;
  /** The address to call from, where it is not 127.0.0.1. */
  readonly from?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** An answer that may still be coming. */
export interface OpenAnswer extends Omit<Answer, 'text'> {
  /** What has come so far. */
  received(): string;
  /** All of it, once it has ended; rejects when the connection breaks instead. */
  readonly whole: Promise<string>;
  /** Hangs up. */
  leave(): void;
}

/** A request on its way, which whoever sent it may leave before there is an answer. */
export interface Call {
  /** At the head of the answer. */
  readonly answer: Promise<OpenAnswer>;
  leave(): void;
}

/** POST /generate; the prompt is one of ours unless the fields have another. */
export function generate(
  fields: Readonly<Record<string, unknown>> = {},
  headers: Sent['headers'] = {},
): Sent {
  return {
    method: 'POST',
    path: '/generate',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ prompt: PROMPT, ...fields }),
  };
}

const PATIENCE = 30_000;

export async function send(url: string, sent: Sent): Promise<Answer> {
  const { status, headers, whole } = await open(url, sent);
  return { status, headers, text: await whole };
}

/** Resolves at the head of the answer. */
export function open(url: string, sent: Sent): Promise<OpenAnswer> {
  return begin(url, sent).answer;
}

export function begin(url: string, sent: Sent): Call {
  const { method = 'GET', path = '/', headers = {}, body, chunked = false, from } = sent;
  const { unfinished = false } = sent;
  const { hostname, port } = new URL(url);
  const size = Buffer.byteLength(body ?? '') + (unfinished ? 1 : 0);
  const length = body !== undefined && !chunked && { 'Content-Length': size };
  const outgoing = request({
    hostname,
    port,
    method,
    path,
    headers: { ...length, ...headers },
    agent: false,
    signal: AbortSignal.timeout(PATIENCE),
    ...(from && { localAddress: from }),
  });
  const leave = () => void outgoing.destroy();
  const answer = new Promise<OpenAnswer>((resolve, reject) => {
    // A server that refuses a body need not read it: the answer counts, not the broken pipe.
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => resolve(collect(incoming, leave)));
  });
  // Who leaves does not wait for the head.
  answer.catch(() => {});
  if (chunked && body !== undefined) {
    const half = Math.floor(body.length / 2);
    outgoing.write(body.slice(0, half));
    outgoing.end(body.slice(half));
  } else if (unfinished) outgoing.write(body ?? '');
  else outgoing.end(body);
  return { answer, leave };
}

function collect(incoming: IncomingMessage, leave: () => void): OpenAnswer {
  const chunks: Buffer[] = [];
  const received = () => Buffer.concat(chunks).toString();
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  const whole = new Promise<string>((resolve, reject) => {
    incoming.on('end', () => resolve(received()));
    incoming.on('error', reject);
  });
  // Who leaves does not wait for the end.
  whole.catch(() => {});
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, received, whole, leave };
}

/**
 * The data of a stream's events, each as it stood there.
 * @throws Error when there is anything but `data: …` and comments, each ended by an empty line
 */
export function parseEvents(text: string): string[] {
  if (!text.endsWith('\n\n')) throw new Error(`not ended by an empty line: ${text.slice(-200)}`);
  return text
    .slice(0, -2)
    .split('\n\n')
    .filter((event) => event !== ': ping')
    .map((event) => {
      const data = /^data: (\S.*)$/.exec(event)?.[1];
      if (data === undefined) throw new Error(`not an event: ${JSON.stringify(event)}`);
      return data;
    });
}
