import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ResponseReader } from './response-reader.ts';
import type { Target } from './target.ts';

/** Why an answer does not count. */
export type Failure =
  | `status ${number}`
  /** No connection could be made: the system's name for the reason. */
  | `connect ${string}`
  /** The connection broke, or was closed before the answer began. */
  | 'reset'
  | 'timeout'
  /** The answer broke off. */
  | 'truncated'
  /** Not HTTP/1.1. */
  | 'malformed'
  /** A stream with an error object in it. */
  | 'error event'
  /** 200, but no event where a stream was asked for. */
  | 'no events';

/** Times in milliseconds of `performance.now()`; 0 for what has not happened. */
export interface Exchange {
  /** When it was to begin: waiting for a connection counts. */
  readonly startedAt: number;
  readonly sentAt: number;
  readonly firstEventAt: number;
  readonly endedAt: number;
  readonly failure: Failure | undefined;
  /** Whether a stream said `[DONE]`. */
  readonly sawDone: boolean;
}

/** Who hears of what comes over a connection. */
export interface Listener {
  received(bytes: number, now: number): void;
  /** @param gap since the event before it; undefined for the first of a stream */
  event(gap: number | undefined, now: number): void;
  /** The connection is free again. */
  ended(exchange: Exchange, connection: Connection): void;
}

const READ_BUFFER = 16_384;
/** Milliseconds. No server closes a connection for being idle sooner. */
const IDLE_MS = 1000;

/** One connection that carries one request after another, opened anew whenever it has closed. */
export class Connection {
  /** Why the connection could not be made, or broke, the last time: the system's name for it. */
  problem: string | undefined;
  /** The address that the host's name stood for. */
  address: string | undefined;
  readonly #target: Target;
  readonly #listener: Listener;
  readonly #reader: ResponseReader;
  /** Made with the first socket: most connections of an open loop are never needed. */
  #buffer: Buffer | undefined;
  #socket: Socket | undefined;
  #isOpen = false;
  #isBusy = false;
  /** When this socket was free again; 0 for a new one. */
  #freeSince = 0;
  #heard = false;
  #startedAt = 0;
  #sentAt = 0;
  #firstEventAt = 0;
  #lastEventAt = 0;

  constructor(target: Target, listener: Listener) {
    this.#target = target;
    this.#listener = listener;
    this.#reader = new ResponseReader(target.stream);
  }

  /** Where the last redirect leads, as it says it. */
  get location(): string {
    return this.#reader.location;
  }

  send(startedAt: number): void {
    this.#startedAt = startedAt;
    this.#sentAt = performance.now();
    this.#firstEventAt = 0;
    this.#isBusy = true;
    this.#write();
  }

  giveUpAfterTimeout(now: number): void {
    if (!this.#isBusy || now - this.#sentAt <= this.#target.timeout) return;
    if (!this.#isOpen) this.problem = 'ETIMEDOUT';
    this.#fail(this.#isOpen ? 'timeout' : `connect ${this.problem}`, now);
  }

  close(): void {
    this.#isBusy = false;
    this.#drop();
  }

  #write(): void {
    this.#heard = false;
    this.#reader.reset();
    if (this.#socket === undefined) this.#open();
    else if (this.#isOpen) this.#socket.write(this.#target.request);
  }

  #open(): void {
    const { url, address } = this.#target;
    const secure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    this.#buffer ??= Buffer.allocUnsafe(READ_BUFFER);
    const buffer = this.#buffer;
    const options = {
      host: address ?? host,
      port: Number(url.port) || (secure ? 443 : 80),
      noDelay: true,
      onread: { buffer, callback: (length: number) => this.#read(buffer, length, socket) },
    };
    const socket: Socket = secure
      ? connectTls({ ...options, ...(isIP(host) === 0 && { servername: host }) })
      : connect(options);
    this.#socket = socket;
    this.#freeSince = 0;
    socket.on(secure ? 'secureConnect' : 'connect', () => {
      this.#isOpen = true;
      this.address = socket.remoteAddress;
      if (this.#isBusy && this.#socket === socket) socket.write(this.#target.request);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.problem = error.code ?? error.message;
      this.#closed(socket, 'reset');
    });
    socket.on('end', () => this.#closed(socket, 'end'));
    socket.on('close', () => this.#closed(socket, 'reset'));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isOpen = false;
    socket?.destroy();
  }

  #read(bytes: Buffer, length: number, socket: Socket): boolean {
    if (socket !== this.#socket) return false;
    const now = performance.now();
    this.#heard = true;
    this.#listener.received(length, now);
    if (!this.#isBusy) {
      this.#drop();
      return false;
    }
    const reader = this.#reader;
    const before = reader.events.tokens;
    reader.feed(bytes, length);
    for (let n = before; n < reader.events.tokens; n++) this.#hearEvent(now);
    if (reader.isComplete) this.#finish(now);
    else if (reader.isMalformed) this.#fail('malformed', now);
    return true;
  }

  #hearEvent(now: number): void {
    if (this.#firstEventAt === 0) {
      this.#firstEventAt = now;
      this.#listener.event(undefined, now);
    } else this.#listener.event(now - this.#lastEventAt, now);
    this.#lastEventAt = now;
  }

  #closed(socket: Socket, how: 'end' | 'reset'): void {
    if (socket !== this.#socket) return;
    const wasOpen = this.#isOpen;
    const wasIdle = this.#freeSince > 0 && this.#sentAt - this.#freeSince >= IDLE_MS;
    this.#drop();
    if (!this.#isBusy) return;
    const now = performance.now();
    if (!wasOpen) this.#fail(`connect ${this.problem ?? 'reset'}`, now);
    else if (how === 'end' && this.#reader.close()) this.#finish(now);
    // The server closed an idle connection while our request was under way, and has not seen that:
    // ask again, once. The time runs on.
    else if (wasIdle && !this.#heard) this.#write();
    else this.#fail(how === 'end' && this.#reader.status >= 200 ? 'truncated' : 'reset', now);
  }

  #finish(now: number): void {
    const { status, keepsAlive } = this.#reader;
    this.#freeSince = now;
    if (!keepsAlive) this.#drop();
    this.#end(now, status >= 200 && status < 300 ? this.#judge() : `status ${status}`);
  }

  #judge(): Failure | undefined {
    const { events, failed } = this.#reader.events;
    if (failed) return 'error event';
    return this.#target.stream && events === 0 ? 'no events' : undefined;
  }

  #fail(failure: Failure, now: number): void {
    this.#drop();
    this.#end(now, failure);
  }

  #end(endedAt: number, failure: Failure | undefined): void {
    this.#isBusy = false;
    this.#listener.ended(
      {
        startedAt: this.#startedAt,
        sentAt: this.#sentAt,
        firstEventAt: this.#firstEventAt,
        endedAt,
        failure,
        sawDone: this.#reader.events.done,
      },
      this,
    );
  }
}
