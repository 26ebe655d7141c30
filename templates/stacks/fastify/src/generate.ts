import type { FastifyInstance } from 'fastify';
import type { createAccess } from './access.js';
import type { Admission } from './admission.js';
import type { Exchanges } from './exchange.js';
import { Problem } from './problems.js';
import { type GenerateBody, generateBody, generateResponses } from './schemas.js';
import { listOf, type Settings } from './settings.js';
import { sendEvents } from './sse.js';
import type { Upstream } from './upstream.js';

export interface Parts {
  readonly settings: Settings;
  readonly access: Awaited<ReturnType<typeof createAccess>>;
  readonly admission: Admission;
  readonly exchanges: Exchanges;
  readonly upstream: Upstream;
}

/** POST /generate, from the request to its answer. */
export function addGenerate(app: FastifyInstance, parts: Parts): void {
  const { settings, access, admission, upstream } = parts;
  const needsKey = listOf(settings.API_KEYS).length > 0;

  app.post<{ Body: GenerateBody }>('/generate', {
    schema: {
      summary: 'Generate text from a prompt',
      security: needsKey ? [{ bearer: [] }] : [{}, { bearer: [] }],
      body: generateBody(settings),
      response: generateResponses,
    },
    onRequest: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      request.exchange.signal.throwIfAborted();
      access.authenticate(request);
      reply.headers(await access.limit(request));
    },
    // A body that does not come to its end ends with the request.
    preParsing: async ({ raw, exchange: { signal } }, reply, payload) => {
      signal.addEventListener('abort', () => {
        if (raw.complete || raw.listenerCount('error') === 0) return;
        reply.header('connection', 'close');
        raw.emit('error', signal.reason);
      });
      return payload;
    },
    // Fastify refuses a wrong content type by itself, but not a missing one without a body.
    preValidation: async ({ headers }) => {
      if (headers['content-type']) return;
      throw new Problem('unsupported-media-type', 'Send Content-Type: application/json.');
    },
    handler: async ({ body, exchange }, reply) => {
      exchange.model = body.model ?? settings.LLM_MODEL;
      return admission.run(exchange.signal, async () => {
        if (!body.stream) return upstream.complete(body, exchange);
        await sendEvents(reply, await upstream.stream(body, exchange));
        return reply;
      });
    },
  });
}
