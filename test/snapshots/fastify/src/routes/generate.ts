import type { FastifyInstance, RouteShorthandOptions } from 'fastify';
import { startLifetime } from '../lifetime.js';
import { Problem } from '../problems.js';
import { type GenerateBody, generateBody, generateHeaders, generateResponses } from '../schemas.js';
import type { Settings } from '../settings.js';
import { sendEvents } from '../sse.js';
import type { Upstream } from '../upstream.js';

/** POST /generate, from the request to its answer. */
export function addGenerate(app: FastifyInstance, settings: Settings, upstream: Upstream): void {
  const options: RouteShorthandOptions = {
    schema: {
      summary: 'Generate text from a prompt',
      headers: generateHeaders,
      body: generateBody(settings),
      response: generateResponses,
    },
    // Fastify refuses a wrong content type by itself, but not a missing one without a body.
    preValidation: async ({ headers }) => {
      if (headers['content-type']) return;
      throw new Problem('unsupported-media-type', 'Send Content-Type: application/json.');
    },
  };

  app.post<{ Body: GenerateBody }>('/generate', options, async (request, reply) => {
    const lifetime = startLifetime(reply, settings.REQUEST_TIMEOUT);
    const { prompt, system, model, temperature, max_tokens, stream } = request.body;
    const call = {
      model: model ?? settings.LLM_MODEL,
      messages: [
        ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
        { role: 'user' as const, content: prompt },
      ],
      max_completion_tokens: max_tokens ?? settings.MAX_OUTPUT_TOKENS,
      ...(temperature !== undefined && { temperature }),
    };
    if (!stream) return upstream.complete(call, lifetime);
    await sendEvents(reply, await upstream.stream(call, lifetime), lifetime);
    return reply;
  });
}
