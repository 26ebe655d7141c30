/** Whom to ask, and what: the same request every time. */
export interface Target {
  readonly url: URL;
  /** What the host's name stands for, once that is known: it is not looked up for each connection. */
  readonly address?: string | undefined;
  /** The whole request as it goes over the wire. */
  readonly request: Buffer;
  /** Whether the answer is a stream of events. */
  readonly stream: boolean;
  /** Milliseconds after which an answer that has not ended is given up. */
  readonly timeout: number;
}

export interface TargetOptions {
  readonly body: string;
  /** Names and values, over the ones that are sent anyway. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly key?: string | undefined;
  readonly stream?: boolean;
  readonly timeout?: number;
}

export function makeTarget(url: URL, options: TargetOptions): Target {
  const { body, headers = [], key, stream = false, timeout = 60_000 } = options;
  const lines = new Map([
    ['host', `Host: ${url.host}`],
    ['content-type', 'Content-Type: application/json'],
    ['accept', `Accept: ${stream ? 'text/event-stream' : 'application/json'}`],
    ['content-length', `Content-Length: ${Buffer.byteLength(body)}`],
  ]);
  if (key !== undefined) lines.set('authorization', `Authorization: Bearer ${key}`);
  for (const [name, value] of headers) lines.set(name.toLowerCase(), `${name}: ${value}`);
  const head = [`POST ${url.pathname}${url.search} HTTP/1.1`, ...lines.values()].join('\r\n');
  return { url, request: Buffer.from(`${head}\r\n\r\n${body}`), stream, timeout };
}
