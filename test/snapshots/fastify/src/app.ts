import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import cors from '@fastify/cors';
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { Admission } from './admission.js';
import { answerClientError, answerError, notFound } from './errors.js';
import { ClientLeft, Exchanges, logExchange } from './exchange.js';
import { addGenerate } from './generate.js';
import { createMetrics } from './metrics.js';
import { addOpenApi } from './openapi.js';
import { listOf, type Settings } from './settings.js';
import { addSystem } from './system.js';
import { createUpstream } from './upstream.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Takes nothing new, and resolves when all is answered; what takes longer is cut off. */
    drain(seconds: number): Promise<void>;
  }
}

/** The whole application, not listening yet. Tests give it their settings and read its log. */
export async function buildApp(settings: Settings, log?: Writable): Promise<FastifyInstance> {
  const proxies = listOf(settings.TRUSTED_PROXIES);
  const app = Fastify({
    logger: {
      level: settings.LOG_LEVEL,
      ...(log && { stream: log }),
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    // One line per request, written by logExchange, in place of Fastify's two.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    // The caller's X-Request-Id where it is safe to repeat in headers and logs.
    genReqId: ({ headers: { 'x-request-id': id } }) =>
      typeof id === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(id) ? id : randomUUID(),
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

  const admission = new Admission(settings);
  const upstream = createUpstream(settings);
  const metrics = createMetrics(admission);
  const exchanges = new Exchanges(settings.REQUEST_TIMEOUT, (exchange, status) => {
    logExchange(exchange, status);
    metrics.observe(exchange, status);
  });
  app.decorate('drain', (seconds: number) => exchanges.drain(seconds));
  app.addHook('onClose', () => upstream.close());
  app.setErrorHandler(answerError);

  app.decorateRequest('exchange');
  function begin(request: FastifyRequest, reply: FastifyReply): void {
    const { id, method, routeOptions, log } = request;
    const exchange = exchanges.begin(id, method, routeOptions.url ?? null, log);
    request.exchange = exchange;
    const { raw } = reply.headers(SECURITY_HEADERS).header('x-request-id', id);
    // Not Fastify's onResponse, which stays silent when the client leaves.
    raw.once('close', () => {
      const left = !raw.writableEnded && !exchange.problem;
      if (left) exchange.abort(new ClientLeft());
      exchanges.end(exchange, left ? 499 : raw.statusCode);
    });
  }
  app.addHook('onRequest', async (request, reply) => begin(request, reply));
  const origins = listOf(settings.CORS_ORIGINS);
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
  addSystem(app, metrics.read);
  await addGenerate(app, { settings, exchanges, admission, upstream });
  await app.ready();
  return app;
}

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
