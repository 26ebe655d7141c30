import type { FastifyInstance } from 'fastify';
import { createAuthenticate, createLimit } from './access.js';
import type { Admission } from './admission.js';
import type { Exchanges } from './exchange.js';
import { Problem } from './problems.js';
import { type GenerateBody, generateBody, generateHeaders, generateResponses } from './schemas.js';
import { listOf, type Settings } from './settings.js';
import { sendEvents } from './sse.js';
import type { Upstream } from './upstream.js';
import { addWebSocket } from './websocket.js';

export interface Parts {
  readonly settings: Settings;
  readonly exchanges: Exchanges;
  readonly admission: Admission;
  readonly upstream: Upstream;
}

/** POST /generate, from the request to its answer, and the same over a WebSocket. */
export async function addGenerate(app: FastifyInstance, parts: Parts): Promise<void> {
  const { settings, admission, upstream } = parts;
  const authenticate = createAuthenticate(settings);
  const limit = await createLimit(app, settings);

  const schema = {
    summary: 'Generate text from a prompt',
    security: listOf(settings.API_KEYS).length > 0 ? [{ bearer: [] }] : [{}, { bearer: [] }],
    headers: generateHeaders,
    body: generateBody(settings),
    response: generateResponses,
  };

  app.post<{ Body: GenerateBody }>('/generate', {
    schema,
    onRequest: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      request.exchange.signal.throwIfAborted();
      await authenticate(request);
      reply.headers(await limit(request));
    },
    // Fastify refuses a wrong content type by itself, but not a missing one without a body.
    preValidation: async ({ headers }) => {
      if (headers['content-type']) return;
      throw new Problem('unsupported-media-type', 'Send Content-Type: application/json.');
    },
    handler: async ({ body, exchange }, reply) => {
      exchange.model = body.model ?? settings.LLM_MODEL;
      const leave = await admission.enter(exchange.signal);
      try {
        if (!body.stream) return await upstream.complete(body, exchange);
        await sendEvents(reply, await upstream.stream(body, exchange));
        return reply;
      } finally {
        leave();
      }
    },
  });

  await addWebSocket(app, parts, { authenticate, limit, body: schema.body });
}
