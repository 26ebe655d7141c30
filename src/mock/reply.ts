import type { ApiErrorBody } from './spoil.ts';

/** What tells one answer from the next: everything else follows from the request. */
export interface Stamp {
  readonly serial: number;
  /** Seconds since 1970. */
  readonly created: number;
  /** Tokens of an answer, where they are not to be as many as the words have. */
  readonly length?: number | undefined;
}

/** A valid request, ready to be answered; text is made only once it is known what will be sent. */
export interface Reply {
  /** The model asked for, whose name may choose a fault. */
  readonly model?: string;
  /** How many tokens the answer takes to say; 0 is not paced. */
  readonly tokens: number;
  renderBody(): string;
  /** Only where the caller asked for a stream. */
  readonly events?: EventTexts | undefined;
}

/** The events of one stream, as they go over the wire. */
export interface EventTexts {
  readonly opening: string;
  readonly closing: string;
  /** Past the end of the answer it starts over: a dripping stream has no end. */
  renderToken(index: number): string;
  /** The error that comes in place of the token with this index. */
  renderError(error: ApiErrorBody, index: number): string;
}
