import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { response } from '../schemas.js';

const about = { name: 'LLM API', generate: '/generate', docs: '/docs', openapi: '/openapi.json' };

/** What this server is, and whether it lives. */
export function addAbout(app: FastifyInstance): void {
  app.get(
    '/',
    {
      schema: {
        summary: 'What this is and where the docs are',
        response: {
          200: response('Where to go.', {
            'application/json': Type.Object({
              name: Type.String(),
              generate: Type.String(),
              docs: Type.String(),
              openapi: Type.String(),
            }),
          }),
        },
      },
    },
    async () => about,
  );

  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process lives',
        response: {
          200: response('It does.', { 'application/json': Type.Object({ status: Type.String() }) }),
        },
      },
    },
    async () => ({ status: 'ok' }),
  );
}
