import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { problem } from './schemas.js';

/** GET /openapi.json, made from the schemas of the routes, and GET /docs, which shows it. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  app.addSchema(problem);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'LLM API',
        version: '0.1.0',
        description: `Text from a large language model, whole, as a stream, or over a WebSocket at
\`/generate/ws\`: send the body of POST /generate as a message, and get what its stream would say.`,
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'One of API_KEYS.' },
        },
      },
    },
    // Keeps the name of a shared schema, where the default is "def-0".
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) => String(json.$id ?? `def-${index}`),
    },
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
