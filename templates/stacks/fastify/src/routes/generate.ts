import type { FastifyInstance } from 'fastify';
import { startLifetime } from '../lifetime.js';
import { Problem } from '../problems.js';
import {
  type GenerateRequest,
  generateHeaders,
  generateRequest,
  generateResponses,
} from '../schemas.js';
import type { Settings } from '../settings.js';
import { sendEvents } from '../sse.js';
import type { Upstream } from '../upstream.js';

/** POST /generate, from the request to its answer. */
export function addGenerate(app: FastifyInstance, settings: Settings, upstream: Upstream): void {
  app.post<{ Body: GenerateRequest }>(
    '/generate',
    {
      schema: {
        summary: 'Generate text from a prompt',
        tags: ['generate'],
        headers: generateHeaders,
        body: generateRequest(settings),
        response: generateResponses,
      },
      // Fastify refuses a wrong content type by itself, but lets none at all pass without a body.
      preValidation: async ({ headers }) => {
        if (!headers['content-type']) {
          throw new Problem('unsupported-media-type', 'Send Content-Type: application/json.');
        }
      },
    },
    async (request, reply) => {
      const lifetime = startLifetime(reply, settings.requestTimeout);
      const { prompt, system, model, temperature, max_tokens, stream } = request.body;
      const call = {
        model: model ?? settings.model,
        messages: [
          ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
          { role: 'user' as const, content: prompt },
        ],
        max_completion_tokens: max_tokens ?? settings.maxOutputTokens,
        ...(temperature !== undefined && { temperature }),
      };
      if (!stream) return upstream.complete(call, lifetime);
      const events = await upstream.stream(call, lifetime);
      await sendEvents(reply, events, lifetime);
      return reply;
    },
  );
}
