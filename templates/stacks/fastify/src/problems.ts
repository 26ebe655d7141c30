/** Everything that this server answers when it does not answer the question (RFC 9457). */
const PROBLEMS = {
  'bad-request': [400, 'Bad request'],
  'invalid-json': [400, 'The body is not JSON'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The content type is not JSON'],
  'invalid-request': [422, 'The request is not valid'],
  'upstream-rate-limited': [429, 'The model provider is limiting requests'],
  'internal-error': [500, 'Internal error'],
  'upstream-misconfigured': [502, 'The model provider rejected the call'],
  'upstream-failed': [502, 'The model provider failed'],
  'upstream-truncated': [502, 'The model provider stopped in the middle of an answer'],
  'upstream-timeout': [504, 'The model provider took too long'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemName = keyof typeof PROBLEMS;

export interface FieldError {
  readonly field: string;
  readonly message: string;
}

interface ProblemExtras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldError[];
  /** For the log only: what happened, in words that hold no prompt, key or upstream text. */
  readonly reason?: string;
}

/**
 * An error that is an answer. Throw it anywhere in a request. What it says reaches the caller, so
 * it never holds a prompt, a key, a stack trace or the upstream's own words.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly problem: ProblemName;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly FieldError[] | undefined;
  readonly reason: string | undefined;

  constructor(problem: ProblemName, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.problem = problem;
    this.status = PROBLEMS[problem][0];
    this.headers = extras.headers ?? {};
    this.errors = extras.errors;
    this.reason = extras.reason;
  }

  /** The body of the answer, or of the error event in a stream that has already begun. */
  toBody(requestId: string) {
    return {
      type: `/problems/${this.problem}`,
      title: PROBLEMS[this.problem][1],
      status: this.status,
      detail: this.message,
      request_id: requestId,
      ...(this.errors && { errors: this.errors }),
    };
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** How this request failed, for its log line. */
    problem: Problem | undefined;
  }
}
