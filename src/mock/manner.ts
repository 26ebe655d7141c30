import type { Spoil } from './spoil.ts';

/** How fast answers come. */
export interface Pace {
  /** Milliseconds before the first token. */
  readonly timeToFirstToken: number;
  /** 0: as fast as possible. */
  readonly tokensPerSecond: number;
}

export interface Manner extends Pace {
  readonly spoil: Spoil | undefined;
  /** Seconds, for the faults that carry a Retry-After. */
  readonly retryAfter: number;
}

export const HTML_PAGE = '<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>';
/** Long enough for the bytes before a reset to arrive: a reset may overtake them. */
export const BEFORE_RESET = 50;
