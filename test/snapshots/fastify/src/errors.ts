import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type * as F from 'fastify';
import { ClientLeft, type Exchange } from './exchange.js';
import { Problem } from './problems.js';

/** Answers whatever went wrong: the caller's mistakes, Fastify's own errors, bugs. */
export function answerError(error: unknown, request: F.FastifyRequest, reply: F.FastifyReply) {
  if (error instanceof ClientLeft) return reply.hijack();
  const problem = reportProblem(request.exchange, error);
  return reply
    .code(problem.status)
    .headers(problem.extras.headers ?? {})
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(request.id)));
}

/** No such path, or not with this method. */
export function notFound(app: F.FastifyInstance, request: F.FastifyRequest): Problem {
  const url = request.url.split('?', 1)[0] as string;
  const allow = app.supportedMethods.filter((method) => app.hasRoute({ url, method })).join(', ');
  if (!allow) return new Problem('not-found', 'There is nothing here.');
  return new Problem('method-not-allowed', `Use ${allow}.`, { headers: { allow } });
}

/** The problem that an error is, noted for the log line of its request. */
export function reportProblem(exchange: Exchange, error: unknown): Problem {
  const problem = toProblem(error as Problem | F.FastifyError);
  exchange.problem = problem;
  if (problem.slug === 'internal-error') exchange.log.error(traceOf(error), 'unexpected error');
  return problem;
}

/** What happened and where, without the message: that may quote a prompt. */
export function traceOf(error: unknown): object {
  const { name, stack } = error instanceof Error ? error : new Error();
  return { error: name, trace: stack?.split('\n').filter((line) => line.startsWith('    at ')) };
}

function toProblem(error: Problem | F.FastifyError): Problem {
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
export function invalidRequest(found: readonly F.FastifySchemaValidationError[]): Problem {
  const errors = found.map(({ keyword, instancePath, params, message = 'is not valid' }) => {
    const names = [instancePath.slice(1), params.missingProperty, params.additionalProperty];
    const words: Record<string, string> = {
      additionalProperties: 'is not a field of this request',
      enum: `must be one of ${params.allowedValues}`,
      pattern: 'must not be only white space',
      required: 'is required',
    };
    return {
      field: names.filter(Boolean).join('.') || 'body',
      message: words[keyword] ?? message,
    };
  });
  return new Problem('invalid-request', 'Some fields are not valid.', { errors });
}

/** Bytes that are not HTTP never become a request: answers on the socket itself. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const id = randomUUID();
  const problem = new Problem('bad-request', 'This is not an HTTP request that can be read.');
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nX-Request-Id: ${id}\r\n` +
      `Connection: close\r\n\r\n${JSON.stringify(problem.toBody(id))}`,
  );
}
