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
import { ClientLeft } from './lifetime.js';
import { type FieldError, Problem } from './problems.js';

/** Turns whatever went wrong into a problem: the caller's mistakes, Fastify's own errors, bugs. */
export function answerErrors(app: FastifyInstance): void {
  app.decorateRequest('problem', undefined);
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof ClientLeft) return reply.hijack();
    return sendProblem(reply, reportProblem(request, error));
  });
  app.setNotFoundHandler((request, reply) => {
    const problem = new Problem('not-found', 'There is nothing at this path.');
    return sendProblem(reply, reportProblem(request, problem));
  });
}

/** The problem that an error is, noted for the log line of its request. */
export function reportProblem(request: FastifyRequest, error: unknown): Problem {
  const problem = toProblem(error);
  request.problem = problem;
  if (problem.problem === 'internal-error' && error instanceof Error) {
    // Where it happened, without the message: that may quote a prompt.
    const trace = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
    request.log.error({ error: error.name, trace }, 'unexpected error');
  }
  return problem;
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(reply.request.id)));
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { code, statusCode = 500, validation } = error as Partial<FastifyError>;
  if (validation) {
    const errors = validation.map(toFieldError);
    return new Problem('invalid-request', 'Some fields are not valid.', { errors });
  }
  switch (code) {
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem('invalid-json', 'The body could not be read as JSON.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('too-large', 'The body is larger than this server accepts.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported-media-type', 'Send Content-Type: application/json.');
  }
  if (statusCode < 500) return new Problem('bad-request', 'The request could not be read.');
  return new Problem('internal-error', 'Something went wrong in this server.');
}

function toFieldError({
  keyword,
  instancePath,
  params,
  message = 'is not valid',
}: FastifySchemaValidationError): FieldError {
  const child = params.missingProperty ?? params.additionalProperty;
  const path = [...instancePath.split('/').slice(1), ...(child ? [String(child)] : [])];
  const messages: Record<string, string> = {
    additionalProperties: 'is not a field of this request',
    enum: `must be one of ${String(params.allowedValues).replaceAll(',', ', ')}`,
    pattern: 'must not be only white space',
    required: 'is required',
  };
  return { field: path.join('.') || 'body', message: messages[keyword] ?? message };
}

/** Bytes that are not HTTP never become a request: answer on the socket itself. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const requestId = randomUUID();
  const problem = new Problem('bad-request', 'This is not an HTTP request that can be read.');
  const body = JSON.stringify(problem.toBody(requestId));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      'Connection: close',
      `\r\n${body}`,
    ].join('\r\n'),
  );
}
