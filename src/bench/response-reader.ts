import { EventCounter } from './event-counter.ts';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
/** No server of good will sends more, and nothing here may grow without bounds. */
const MAX_HEAD = 65_536;

/** What of the answer comes next. */
type Part =
  | 'head'
  | 'sized'
  | 'until-close'
  | 'chunk-size'
  | 'chunk-extension'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailer'
  | 'complete'
  | 'malformed';

/**
 * Reads one HTTP/1.1 answer after the other from a connection, as the bytes come. The body is not
 * kept: its events are counted where there are to be any, otherwise it is stepped over.
 */
export class ResponseReader {
  status = 0;
  /** Whether the connection may carry another request afterwards. */
  keepsAlive = true;
  /** Where a redirect leads, as it says it. */
  location = '';
  readonly events = new EventCounter();
  readonly #countsEvents: boolean;
  #part: Part = 'head';
  #head = '';
  #left = 0;
  #lineLength = 0;

  constructor(countsEvents: boolean) {
    this.#countsEvents = countsEvents;
  }

  /** Ready for the next answer. */
  reset(): void {
    this.status = 0;
    this.keepsAlive = true;
    this.events.reset();
    this.#part = 'head';
    this.#head = '';
  }

  get isComplete(): boolean {
    return this.#part === 'complete';
  }

  get isMalformed(): boolean {
    return this.#part === 'malformed';
  }

  /** The other side has closed. @returns whether that is how this answer was to end */
  close(): boolean {
    if (this.#part === 'until-close') this.#part = 'complete';
    return this.isComplete;
  }

  /** @param bytes of which the first `length` are the answer's */
  feed(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      switch (this.#part) {
        case 'head':
          at = this.#readHead(bytes, at, length);
          break;
        case 'sized':
        case 'until-close':
        case 'chunk-data':
          at = this.#readBody(bytes, at, length);
          break;
        case 'chunk-size':
        case 'chunk-extension':
        case 'chunk-end':
          this.#readFrame(bytes[at++] as number);
          break;
        case 'trailer':
          this.#readTrailer(bytes[at++] as number);
          break;
        default:
          // Bytes after the end: an answer that nobody asked for.
          this.#part = 'malformed';
          return;
      }
    }
  }

  #readHead(bytes: Buffer, start: number, length: number): number {
    // The blank line may be cut: what is held back is looked through again with what follows.
    const held = this.#head.length;
    const text = this.#head + bytes.toString('latin1', start, length);
    const end = text.indexOf('\r\n\r\n', Math.max(0, held - 3));
    if (end === -1) {
      this.#head = text;
      if (text.length > MAX_HEAD || !'HTTP/1.'.startsWith(text.slice(0, 7))) {
        this.#part = 'malformed';
      }
      return length;
    }
    this.#head = '';
    this.#part = this.#parseHead(text.slice(0, end + 2));
    return start + end + 4 - held;
  }

  #parseHead(head: string): Part {
    const [, minor, status] = /^HTTP\/1\.([01]) ([1-5]\d\d)[ \r]/.exec(head) ?? [];
    if (status === undefined) return 'malformed';
    this.status = Number(status);
    // 100 Continue, 103 Early Hints: the answer itself is still to come.
    if (this.status < 200) return 'head';
    if (this.status >= 300 && this.status < 400) {
      this.location = /\r\nlocation:[ \t]*([^\r]*)/i.exec(head)?.[1] ?? '';
    }
    const connection = /\r\nconnection:([^\r]*)/i.exec(head)?.[1] ?? '';
    this.keepsAlive = minor === '1' ? !/close/i.test(connection) : /keep-alive/i.test(connection);
    if (this.status === 204 || this.status === 304) return 'complete';
    if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) {
      this.#left = 0;
      this.#lineLength = 0;
      return 'chunk-size';
    }
    const size = /\r\ncontent-length:[ \t]*(\d+)/i.exec(head)?.[1];
    if (size !== undefined) {
      this.#left = Number(size);
      return this.#left === 0 ? 'complete' : 'sized';
    }
    this.#left = Number.POSITIVE_INFINITY;
    this.keepsAlive = false;
    return 'until-close';
  }

  #readBody(bytes: Buffer, start: number, length: number): number {
    const end = Math.min(length, start + this.#left);
    if (this.#countsEvents) this.events.feed(bytes, start, end);
    this.#left -= end - start;
    if (this.#left === 0) this.#part = this.#part === 'sized' ? 'complete' : 'chunk-end';
    return end;
  }

  /** The line before a chunk, `1a;name=value CR LF`, and the CR LF after its data. */
  #readFrame(byte: number): void {
    if (this.#part === 'chunk-end') {
      if (byte === LF) this.#part = 'chunk-size';
      else if (byte !== CR) this.#part = 'malformed';
    } else if (byte === LF) {
      if (this.#lineLength === 0) this.#part = 'malformed';
      else this.#part = this.#left === 0 ? 'trailer' : 'chunk-data';
      this.#lineLength = 0;
    } else if (this.#part === 'chunk-size' && byte !== CR) {
      const digit = hexDigit(byte);
      if (digit >= 0 && this.#lineLength < 8) {
        this.#left = 16 * this.#left + digit;
        this.#lineLength++;
      } else this.#part = byte === SEMICOLON || byte <= 0x20 ? 'chunk-extension' : 'malformed';
    }
  }

  /** Lines up to an empty one. */
  #readTrailer(byte: number): void {
    if (byte === LF) {
      if (this.#lineLength === 0) this.#part = 'complete';
      this.#lineLength = 0;
    } else if (byte !== CR) this.#lineLength++;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
