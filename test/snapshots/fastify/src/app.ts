import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import Fastify, { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { pino } from 'pino';
import * as installed from './addons.js';
import { type Exchange, Traffic } from './exchange.js';
import { type Addons, addGenerate, createService } from './generate.js';
import { addDocs, describe, problemResponses } from './openapi.js';
import { Problem } from './problems.js';
import type { Settings } from './settings.js';
import { createTelemetry } from './telemetry.js';
import { shareMetrics } from './workers.js';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** The whole application, not listening yet. Tests give it their settings and read its log. */
export async function buildApp(settings: Settings, log?: Writable, addons: Addons = installed) {
  const { CORS_ORIGINS, LOG_LEVEL, TRUSTED_PROXIES } = settings;
  const app = Fastify({
    logger: {
      // The names that the other stacks take; pino has its own for one of them.
      level: LOG_LEVEL === 'warning' ? 'warn' : LOG_LEVEL,
      stream: log ?? pino.destination(),
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    // Telemetry writes one line per request, when it is over, in place of Fastify's two.
    // One for all: a child for each request costs, and the line of a request names it.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    // The caller's X-Request-Id where it is safe to repeat in headers and logs.
    genReqId: ({ headers: { 'x-request-id': id } }) =>
      /^[A-Za-z0-9._-]{1,128}$/.test(`${id ?? ''}`) ? `${id}` : randomUUID(),
    trustProxy: TRUSTED_PROXIES.length > 0 && [...TRUSTED_PROXIES],
    bodyLimit: settings.MAX_BODY_BYTES,
    requestTimeout: settings.REQUEST_TIMEOUT * 1000,
    // While it drains it goes on to answer; what is open then holds nothing back.
    return503OnClosing: false,
    forceCloseConnections: true,
    // Fastify would turn "1" into 1 and drop unknown fields. A wrong request is to be told so.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
    // A path that cannot be decoded names nothing. No hook sees such a request.
    frameworkErrors: (_error, request, reply) =>
      begin(request, reply, () => answerError(new Problem('not-found'), request, reply)),
  });
  // Text is not a body this API knows: only JSON is left.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(answerError);

  const traffic = new Traffic(settings);
  const tell = createTelemetry(app.log, traffic);
  const renderMetrics = shareMetrics(tell);
  app.addHook('onClose', async () => void tell());
  app.addHook('preClose', async () => {
    await traffic.drain();
    for (const socket of app.websocketServer.clients) socket.close(1012, 'This server stops.');
  });

  function begin(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    const exchange = traffic.begin(request.id, reply);
    request.exchange = exchange;
    const { raw } = reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
    // Not Fastify's onResponse, which stays silent when the client leaves.
    raw.once('close', () => {
      if (!raw.writableEnded) exchange.abort(new Problem('client_closed'));
      traffic.end(exchange, raw.statusCode);
    });
    next();
  }

  function answerError(error: unknown, { id, exchange }: FastifyRequest, reply: FastifyReply) {
    const problem = exchange.fail(error);
    const body = problem.toBody(id);
    if (!reply.raw.headersSent) {
      reply.code(body.status).headers(problem.extras.headers ?? {});
      return void reply.type('application/problem+json').send(JSON.stringify(body));
    }
    reply.hijack();
    // A reader too slow to take a stream in time would not take its last event either.
    if (reply.raw.writableNeedDrain) reply.raw.destroy();
    else reply.raw.end(`data: ${JSON.stringify({ error: body })}\n\n`);
  }

  app.decorateRequest('exchange');
  app.addHook('onRequest', begin);
  if (CORS_ORIGINS.length > 0) {
    await app.register(import('@fastify/cors'), {
      origin: CORS_ORIGINS.includes('*') ? '*' : [...CORS_ORIGINS],
      exposedHeaders:
        'x-request-id, retry-after, ratelimit, ratelimit-policy, idempotent-replayed, cache-status',
    });
  }
  // Before the body is read: a wrong path or method is wrong whatever comes with it.
  app.addHook('onRequest', ({ is404, url, headers: { upgrade }, exchange }, _reply, next) => {
    const isSocket = upgrade?.toLowerCase() === 'websocket';
    if (isSocket !== (exchange.route === '/generate/ws')) throw new Problem('not-found');
    if (!is404) return next();
    const [path = url] = url.split('?', 1);
    const allowed = app.supportedMethods.filter((method) => app.hasRoute({ url: path, method }));
    if (allowed.length === 0) throw new Problem('not-found');
    throw new Problem('method-not-allowed', { headers: { allow: allowed.join(', ') } });
  });

  await addDocs(app);
  const ok = { status: 'ok' };
  const about = { name: 'LLM API', links: { docs: '/docs', openapi: '/openapi.json' } };
  app.get('/', describe('What this is', about), async () => about);
  app.get('/healthz', describe('Whether the process lives', ok), async () => ok);
  const ready = describe('Whether to send requests here', ok, problemResponses(503));
  app.get('/readyz', ready, async ({ exchange }) => {
    exchange.throwIfAborted();
    return ok;
  });
  app.get('/metrics', describe('Figures for Prometheus', '# HELP …'), async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return renderMetrics();
  });
  const service = await createService(app, settings, traffic);
  for (const add of [...Object.values(addons), addGenerate]) await add(app, service);
  await app.ready();
  return app;
}
