/** How an answer is spoilt. A plain answer has no tokens: the summaries say what comes nearest. */
export type Spoil =
  /** An error status instead of the answer; `saysWhen` to come back, in a Retry-After. */
  | {
      readonly how: 'status';
      readonly status: number;
      readonly error: ApiErrorBody;
      readonly saysWhen?: true;
    }
  /** The whole answer, this many milliseconds late. A stream sends its headers at once. */
  | { readonly how: 'late'; readonly ms: number }
  /** The request is read and then nothing is sent, ever. */
  | { readonly how: 'hang' }
  /** The connection is reset before the first byte. */
  | { readonly how: 'reset' }
  /** 200 with something that is not JSON where JSON belongs. */
  | { readonly how: 'garbage' }
  /** The answer starts well, and then… */
  | { readonly how: 'cut'; readonly next: 'silence' | 'reset' | 'end' }
  /** 200, and an error object where the (rest of the) answer belongs. */
  | { readonly how: 'error-object'; readonly error: ApiErrorBody }
  /** One token (plain: one white space, which JSON allows) each `ms`, for ever. */
  | { readonly how: 'drip'; readonly ms: number };

export interface ApiErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}
