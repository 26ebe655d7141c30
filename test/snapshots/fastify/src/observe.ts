import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The caller's X-Request-Id where it is safe to repeat in headers and logs, else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID();
}

/**
 * Names the request on its answer, and writes its one log line when that answer is over. "close"
 * and not Fastify's onResponse, which stays silent when the client leaves.
 */
export function observeRequest(request: FastifyRequest, reply: FastifyReply): void {
  const startedAt = performance.now();
  const { raw } = reply.header('x-request-id', request.id);
  raw.once('close', () => {
    const left = !raw.writableEnded;
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions?.url ?? null,
        // 499 is what proxies log when the client left before there was a status.
        status: left && !raw.headersSent ? 499 : raw.statusCode,
        duration_ms: Math.round(performance.now() - startedAt),
        problem: request.problem?.slug,
        reason: request.problem?.extras.reason,
        client_left: left || undefined,
      },
      'request',
    );
  });
}
