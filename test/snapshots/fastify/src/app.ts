import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import cors from '@fastify/cors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { createAccess } from './access.js';
import { Admission } from './admission.js';
import { answerClientError, answerError, notFound } from './errors.js';
import { ClientLeft, Exchanges } from './exchange.js';
import { addGenerate } from './generate.js';
import { createMetrics } from './metrics.js';
import { addOpenApi } from './openapi.js';
import { listOf, type Settings } from './settings.js';
import { addSystem } from './system.js';
import { createUpstream } from './upstream.js';
import { addWebSocket } from './websocket.js';
import { shareMetrics } from './workers.js';

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** The whole application, not listening yet. Tests give it their settings and read its log. */
export async function buildApp(settings: Settings, log?: Writable): Promise<FastifyInstance> {
  const [proxies, origins] = [listOf(settings.TRUSTED_PROXIES), listOf(settings.CORS_ORIGINS)];
  const app = Fastify({
    logger: {
      // The names that the other stacks take; pino has its own for one of them.
      level: settings.LOG_LEVEL === 'warning' ? 'warn' : settings.LOG_LEVEL,
      ...(log && { stream: log }),
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    // One line per request, written when it is over, in place of Fastify's two.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    // The caller's X-Request-Id where it is safe to repeat in headers and logs.
    genReqId: ({ headers: { 'x-request-id': id } }) =>
      /^[A-Za-z0-9._-]{1,128}$/.test(`${id ?? ''}`) ? `${id}` : randomUUID(),
    trustProxy: proxies.length > 0 && proxies,
    bodyLimit: settings.MAX_BODY_BYTES,
    requestTimeout: settings.REQUEST_TIMEOUT * 1000,
    // While it stops, the process goes on to answer what reaches it.
    return503OnClosing: false,
    // Fastify would turn "1" into 1 and drop unknown fields. A wrong request is to be told so.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
    clientErrorHandler: answerClientError,
    // A path that cannot be decoded names nothing. No hook sees such a request.
    frameworkErrors: (_error, request, reply) => {
      begin(request, reply);
      answerError(notFound(app, request), request, reply);
    },
  });
  // Text is not a body this API knows: only JSON is left.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(answerError);

  const admission = new Admission(settings);
  const upstream = createUpstream(settings);
  const { report, registry } = createMetrics(admission);
  const exchanges = new Exchanges(settings.REQUEST_TIMEOUT, report);
  app.decorate('exchanges', exchanges);
  app.addHook('onClose', () => upstream.close());

  function begin(request: FastifyRequest, reply: FastifyReply): void {
    const { id, method, routeOptions } = request;
    const exchange = exchanges.begin(id, method, routeOptions.url ?? null, request.log);
    request.exchange = exchange;
    const { raw } = reply.headers({ ...SECURITY_HEADERS, 'x-request-id': id });
    // Not Fastify's onResponse, which stays silent when the client leaves.
    raw.once('close', () => {
      const left = !raw.writableEnded && !exchange.problem;
      if (left) exchange.controller.abort(new ClientLeft());
      exchanges.end(exchange, left ? 499 : raw.statusCode);
    });
  }
  app.decorateRequest('exchange');
  app.addHook('onRequest', async (request, reply) => begin(request, reply));
  if (origins.length > 0) {
    await app.register(cors, {
      origin: origins.includes('*') ? '*' : origins,
      strictPreflight: false,
      methods: ['GET', 'POST'],
      allowedHeaders: ['authorization', 'content-type', 'x-request-id'],
      exposedHeaders: ['x-request-id', 'retry-after', 'ratelimit', 'ratelimit-policy'],
    });
  }
  // Before the body is read: a wrong path or method is wrong whatever comes with it.
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw notFound(app, request);
  });

  await addOpenApi(app);
  addSystem(app, shareMetrics(registry));
  const access = await createAccess(app, settings);
  const parts = { settings, access, admission, exchanges, upstream };
  addGenerate(app, parts);
  await addWebSocket(app, parts);
  await app.ready();
  return app;
}
