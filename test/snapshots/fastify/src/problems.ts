import type { FastifyError, FastifySchemaValidationError } from 'fastify';

/** Everything that this server answers when it does not answer the question (RFC 9457). */
export const PROBLEMS = {
  'invalid-json': [400, 'The body is not JSON'],
  unauthorized: [401, 'A key of this server is needed'],
  forbidden: [403, 'CORS_ORIGINS does not name the origin of this page'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'Not with this method'],
  'too-large': [413, 'The body is larger than this server accepts'],
  'unsupported-media-type': [415, 'The Content-Type is not application/json'],
  'invalid-request': [422, 'Some fields are not valid'],
  'rate-limited': [429, 'Too many requests'],
  'upstream-rate-limited': [429, 'The model provider is limiting requests'],
  // There is nobody left to answer: a word for the log.
  client_closed: [499, 'The client has left'],
  'internal-error': [500, 'Something went wrong in this server'],
  'upstream-misconfigured': [502, 'The model provider rejected the call'],
  'upstream-failed': [502, 'The model provider failed'],
  'upstream-truncated': [502, 'The model provider stopped in the middle of an answer'],
  draining: [503, 'This server is stopping'],
  overloaded: [503, 'Too many requests are in front of this one'],
  'upstream-timeout': [504, 'The model provider took too long'],
} as const;
type Slug = keyof typeof PROBLEMS;

interface Extras {
  headers?: Record<string, string>;
  errors?: { field: string; message: string }[];
  /** For the log: its name, where an add-on knows a more exact one than its slug. */
  outcome?: string;
  /** For the log: what happened, in words that hold no prompt, key or upstream text. */
  reason?: string;
  cause?: Error;
  /** Another try may work: after so many seconds, where the provider says. */
  isPassing?: boolean;
  retryAfter?: number | undefined;
}

/** An error that is an answer: throw it anywhere in a request. */
export class Problem extends Error {
  constructor(
    readonly slug: Slug,
    readonly extras: Extras = {},
  ) {
    super(slug);
  }

  /** The body of the answer, or of the error event in a stream that has already begun. */
  toBody(request_id: string) {
    const [status, title]: readonly [number, string] = PROBLEMS[this.slug];
    const about = { type: `/problems/${this.slug}`, title, status, detail: `${title}.` };
    return { ...about, request_id, errors: this.extras.errors };
  }
}

/** The caller's mistakes, Fastify's own errors, and bugs. */
export function toProblem(error: Error & Partial<FastifyError>): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SyntaxError) return new Problem('invalid-json');
  if (error.validation) return invalidRequest(error.validation);
  if (error.statusCode === 413) return new Problem('too-large');
  if (error.statusCode === 415) return new Problem('unsupported-media-type');
  if (error.statusCode === 400) return new Problem('invalid-json');
  return new Problem('internal-error', { cause: error });
}

export function invalidRequest(found: readonly FastifySchemaValidationError[]): Problem {
  const errors = found.map(({ instancePath, params, message }) => {
    const field = instancePath.slice(1) || params.missingProperty || params.additionalProperty;
    const allowed = params.allowedValues ? `: ${params.allowedValues}` : '';
    return { field: `${field ?? 'body'}`, message: `${message}${allowed}` };
  });
  return new Problem('invalid-request', { errors });
}

/** What happened and where, without the message: that may quote a prompt. */
export function traceOf(error: Error | undefined): object {
  const trace = error?.stack?.split('\n').filter((line) => line.startsWith('    at '));
  return { error: error?.name, trace };
}
