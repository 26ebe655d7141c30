/** Everything that this server answers when it does not answer the question (RFC 9457). */
export const PROBLEMS = {
  'bad-request': [400, 'Bad request'],
  'invalid-json': [400, 'The body is not JSON'],
  unauthorized: [401, 'A valid key is needed'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The content type is not JSON'],
  'invalid-request': [422, 'The request is not valid'],
  'rate-limited': [429, 'Too many requests'],
  'upstream-rate-limited': [429, 'The model provider is limiting requests'],
  'internal-error': [500, 'Internal error'],
  'upstream-misconfigured': [502, 'The model provider rejected the call'],
  'upstream-failed': [502, 'The model provider failed'],
  'upstream-truncated': [502, 'The model provider stopped in the middle of an answer'],
  draining: [503, 'This server is stopping'],
  overloaded: [503, 'This server is busy'],
  'upstream-timeout': [504, 'The model provider took too long'],
} as const;

interface ProblemExtras {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  /** For the log: what happened, in words that hold no prompt, key or upstream text. */
  readonly reason?: string | undefined;
  /** Seconds after which another try may work. Without it none will. */
  readonly retryAfter?: number | 'soon';
}

/**
 * An error that is an answer: throw it anywhere in a request. The caller reads its message, which
 * therefore never holds a prompt, a key, a stack trace or the upstream's own words.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;

  constructor(
    readonly slug: keyof typeof PROBLEMS,
    detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
    this.status = PROBLEMS[slug][0];
  }

  /** The body of the answer, or of the error event in a stream that has already begun. */
  toBody(request_id: string) {
    const [status, title] = PROBLEMS[this.slug];
    const { errors } = this.extras;
    return {
      type: `/problems/${this.slug}`,
      title,
      status,
      detail: this.message,
      request_id,
      errors,
    };
  }
}
