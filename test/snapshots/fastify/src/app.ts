import type { Writable } from 'node:stream';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { answerClientError, answerError, answerNotFound } from './errors.js';
import { watchPaths } from './methods.js';
import { observeRequest, requestId } from './observe.js';
import { addOpenApi } from './openapi.js';
import { addAbout } from './routes/about.js';
import { addGenerate } from './routes/generate.js';
import type { Settings } from './settings.js';
import { createUpstream } from './upstream.js';

/** The whole application, not listening yet. Tests give it their settings and read its log. */
export async function buildApp(settings: Settings, log?: Writable): Promise<FastifyInstance> {
  const app = Fastify({
    logger: {
      level: settings.LOG_LEVEL,
      ...(log && { stream: log }),
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    // One line per request, written by observeRequest, in place of Fastify's two.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    genReqId: requestId,
    bodyLimit: settings.MAX_BODY_BYTES,
    // While it stops, the process goes on to answer what reaches it.
    return503OnClosing: false,
    // Fastify would turn "1" into 1 and drop unknown fields. A wrong request is to be told so.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
    clientErrorHandler: answerClientError,
    // A path that cannot be decoded names nothing. No hook sees such a request.
    frameworkErrors: (_error, request, reply) => {
      observeRequest(request, reply);
      answerNotFound(request, reply);
    },
  });
  // Text is not a body this API knows: only JSON is left.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', (request, reply, done) => {
    observeRequest(request, reply);
    done();
  });

  const upstream = createUpstream(settings);
  app.addHook('onClose', () => upstream.close());

  app.decorateRequest('problem', undefined);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerNotFound);
  const answerWrongMethods = watchPaths(app);
  addOpenApi(app);
  app.after(() => {
    addAbout(app);
    addGenerate(app, settings, upstream);
  });
  app.register(answerWrongMethods);
  await app.ready();
  return app;
}
