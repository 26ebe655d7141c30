import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { response } from '../schemas.js';

/** What this server is, and whether it lives. */
export function addAbout(app: FastifyInstance): void {
  const links = { generate: '/generate', docs: '/docs', openapi: '/openapi.json' };
  const about = Type.Object({
    name: Type.String(),
    links: Type.Record(Type.String(), Type.String()),
  });
  const aboutSchema = {
    summary: 'What this is and where the docs are',
    response: { 200: response('Where to go.', { 'application/json': about }) },
  };
  app.get('/', { schema: aboutSchema }, async () => ({ name: 'LLM API', links }));

  const health = Type.Object({ status: Type.Literal('ok') });
  const healthSchema = {
    summary: 'Whether the process lives',
    response: { 200: response('It does.', { 'application/json': health }) },
  };
  app.get('/healthz', { schema: healthSchema }, async () => ({ status: 'ok' }));
}
