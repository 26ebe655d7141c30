import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { problemResponses, response } from './schemas.js';

const JSON_TYPE = 'application/json';
const links = { generate: '/generate', docs: '/docs', openapi: '/openapi.json' };

/** What this server is, whether it lives, whether it takes requests, and its figures. */
export function addSystem(app: FastifyInstance, readMetrics: () => Promise<string>): void {
  const describe = (summary: string, type: string, example: unknown, problems = {}) => {
    const content = { [type]: Type.Unsafe({ examples: [example] }) };
    return { schema: { summary, response: { 200: response(summary, content), ...problems } } };
  };

  const about = { name: 'LLM API', links };
  app.get(
    '/',
    describe('What this is and where the docs are', JSON_TYPE, about),
    async () => about,
  );

  const ok = { status: 'ok' };
  app.get('/healthz', describe('Whether the process lives', JSON_TYPE, ok), async () => ok);

  const ready = describe('Whether to send requests here', JSON_TYPE, ok, problemResponses(503));
  app.get('/readyz', ready, async ({ exchange }) => {
    exchange.signal.throwIfAborted();
    return ok;
  });

  const figures = describe('Figures for Prometheus', 'text/plain', '# HELP …');
  app.get('/metrics', figures, async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return readMetrics();
  });
}
