const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DATA = Buffer.from('data:');
const DONE = Buffer.from('data:[DONE]');
const ERROR = Buffer.from('data:{"error"');
const ERROR_NAME = Buffer.from('event:error');
/** Bytes of a line that are looked at, without spaces in it: more than any of these has. */
const HEAD = 16;
/** Characters. A longer line is no opening. */
const MAX_OPENING = 65_536;

/**
 * Counts server-sent events by their `data:` lines, wherever the bytes are cut. It keeps no more
 * than the start of a line once there was a token, and makes nothing: this runs for every byte of a
 * stream.
 */
export class EventCounter {
  /** Without `[DONE]`. */
  events = 0;
  /** Of them those from the first one with text on: OpenAI's streams open with a chunk without. */
  tokens = 0;
  /** Whether `[DONE]` has come. */
  done = false;
  /** Whether an event was an error, by its name or its data. */
  failed = false;
  readonly #head = new Uint8Array(HEAD);
  #column = 0;
  /** The line so far, until there was a token. */
  #line = '';

  reset(): void {
    this.events = 0;
    this.tokens = 0;
    this.done = false;
    this.failed = false;
    this.#column = 0;
    this.#line = '';
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    let kept = start;
    while (at < end) {
      const byte = bytes[at++] as number;
      if (byte === LF || byte === CR) {
        if (this.tokens === 0) this.#keep(bytes, kept, at - 1);
        if (this.#column >= DATA.length) this.#endLine();
        this.#column = 0;
        this.#line = '';
        kept = at;
      } else if (this.#column < HEAD) {
        if (byte !== SPACE || this.#column < DATA.length) this.#head[this.#column++] = byte;
      } else {
        while (at < end && bytes[at] !== LF && bytes[at] !== CR) at++;
      }
    }
    if (this.tokens === 0) this.#keep(bytes, kept, end);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.#line.length < MAX_OPENING) {
      this.#line += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    }
  }

  #endLine(): void {
    if (this.#has(ERROR_NAME) && this.#column === ERROR_NAME.length) this.failed = true;
    if (!this.#has(DATA)) return;
    if (this.#has(DONE)) {
      this.done = true;
      return;
    }
    this.events++;
    if (this.tokens > 0 || !isOpening(this.#line)) this.tokens++;
    if (this.#has(ERROR)) this.failed = true;
  }

  #has(word: Uint8Array): boolean {
    if (this.#column < word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.#head[i] !== word[i]) return false;
    return true;
  }
}

/** Whether it is a chunk of OpenAI's format that says nothing yet, but who speaks. */
function isOpening(line: string): boolean {
  if (!line.includes('"choices"')) return false;
  try {
    const [choice] = JSON.parse(line.slice(DATA.length)).choices;
    const { role: _, ...said } = choice ? choice.delta : {};
    return Object.values(said).every((value) => value === '' || value === null);
  } catch {
    return false;
  }
}
