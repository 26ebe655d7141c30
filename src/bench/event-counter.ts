const LF = 0x0a;
const CR = 0x0d;
const DATA = Buffer.from('data:');
const SPACE = 0x20;
const DONE = Buffer.from('[DONE]');
const ERROR = Buffer.from('{"error"');
const HEAD = DATA.length + 1 + ERROR.length;

/**
 * Counts server-sent events by their `data:` lines, wherever the bytes are cut. It keeps no more
 * than the start of a line, and makes nothing: this runs for every byte of a stream.
 */
export class EventCounter {
  /** Without `[DONE]`. */
  events = 0;
  /** Whether `[DONE]` has come. */
  done = false;
  /** Whether an event was an error object. */
  failed = false;
  readonly #head = new Uint8Array(HEAD);
  #column = 0;

  reset(): void {
    this.events = 0;
    this.done = false;
    this.failed = false;
    this.#column = 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const byte = bytes[at++] as number;
      if (byte === LF || byte === CR) {
        if (this.#column >= DATA.length) this.#endLine();
        this.#column = 0;
      } else if (this.#column < HEAD) {
        this.#head[this.#column++] = byte;
      } else {
        while (at < end && bytes[at] !== LF && bytes[at] !== CR) at++;
      }
    }
  }

  #endLine(): void {
    if (!this.#has(DATA, 0)) return;
    const start = this.#head[DATA.length] === SPACE ? DATA.length + 1 : DATA.length;
    if (this.#has(DONE, start)) {
      this.done = true;
      return;
    }
    this.events++;
    if (this.#has(ERROR, start)) this.failed = true;
  }

  #has(word: Uint8Array, start: number): boolean {
    if (this.#column < start + word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.#head[start + i] !== word[i]) return false;
    return true;
  }
}
