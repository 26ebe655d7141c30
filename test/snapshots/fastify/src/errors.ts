import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchemaValidationError,
} from 'fastify';
import { ClientLeft, type Exchange } from './exchange.js';
import { Problem } from './problems.js';

/** Answers whatever went wrong: the caller's mistakes, Fastify's own errors, bugs. */
export function answerError(error: unknown, { exchange }: FastifyRequest, reply: FastifyReply) {
  if (error instanceof ClientLeft) return reply.hijack();
  const problem = reportProblem(exchange, error);
  return reply
    .code(problem.status)
    .headers(problem.extras.headers ?? {})
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(exchange.id)));
}

/** No such path, or not with this method. */
export function notFound(app: FastifyInstance, { url: target }: FastifyRequest): Problem {
  const url = target.split('?', 1)[0] as string;
  const allow = app.supportedMethods.filter((method) => app.hasRoute({ url, method })).join(', ');
  return allow
    ? new Problem('method-not-allowed', `Use ${allow}.`, { headers: { allow } })
    : new Problem('not-found', 'There is nothing here.');
}

/** The problem that an error is, noted for the log line of its request. */
export function reportProblem(exchange: Exchange, error: unknown): Problem {
  const problem = toProblem(error as Problem | FastifyError);
  exchange.problem = problem;
  if (problem.slug === 'internal-error') exchange.log.error(traceOf(error), 'unexpected error');
  return problem;
}

/** What happened and where, without the message: that may quote a prompt. */
export function traceOf(error: unknown): object {
  if (!(error instanceof Error)) return { error: typeof error };
  const trace = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  return { error: error.name, trace };
}

function toProblem(error: Problem | FastifyError): Problem {
  if (error instanceof Problem) return error;
  if (error.validation) return invalidRequest(error.validation);
  switch (error.code) {
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem('invalid-json', 'The body could not be read as JSON.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('too-large', 'The body is larger than this server accepts.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported-media-type', 'Send Content-Type: application/json.');
  }
  return (error.statusCode ?? 500) < 500
    ? new Problem('bad-request', 'The request could not be read.')
    : new Problem('internal-error', 'Something went wrong in this server.');
}

/** What the schema did not let pass, field by field. */
export function invalidRequest(found: readonly FastifySchemaValidationError[]): Problem {
  const errors = found.map(({ keyword, instancePath, params, message }) => {
    const names = [instancePath.slice(1), params.missingProperty, params.additionalProperty];
    const messages: Record<string, string> = {
      additionalProperties: 'is not a field of this request',
      enum: `must be one of ${[params.allowedValues].flat().join(', ')}`,
      pattern: 'must not be only white space',
      required: 'is required',
    };
    return {
      field: names.filter(Boolean).join('.') || 'body',
      message: messages[keyword] ?? message ?? 'is not valid',
    };
  });
  return new Problem('invalid-request', 'Some fields are not valid.', { errors });
}

/** Bytes that are not HTTP never become a request: answers on the socket itself. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const requestId = randomUUID();
  const problem = new Problem('bad-request', 'This is not an HTTP request that can be read.');
  const body = JSON.stringify(problem.toBody(requestId));
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
}
