import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { problem } from './schemas.js';

const info = {
  title: 'LLM API',
  version: '0.1.0',
  description: `Text from a large language model: whole, as a stream, or over a WebSocket. Send the
body of POST /generate as a message to \`/generate/ws\`, and get what its stream would say.`,
};
const bearer = { type: 'http', scheme: 'bearer' } as const;

/** GET /openapi.json, made from the schemas of the routes, and GET /docs, which shows it. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  app.addSchema(problem);
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info, components: { securitySchemes: { bearer } } },
    // Keeps the name of a shared schema, where the default is "def-0".
    refResolver: { buildLocalReference: ({ $id }, _uri, _part, index) => `${$id ?? index}` },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // The page and all that it loads come from here; the validator badge would ask another host.
    uiConfig: { validatorUrl: null },
    staticCSP: {
      'default-src': ["'none'"],
      'connect-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'script-src': ["'self'"],
      'style-src': ["'self'", "'unsafe-inline'"],
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
