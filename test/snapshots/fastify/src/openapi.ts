import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { problem } from './schemas.js';

/** GET /openapi.json, made from the schemas of the routes, and GET /docs, which shows it. */
export function addOpenApi(app: FastifyInstance): void {
  app.addSchema(problem);
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'LLM API',
        version: '0.1.0',
        description: 'Text from a large language model, whole or as a stream.',
      },
    },
    // Keeps the name of a shared schema, where the default is "def-0".
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) => String(json.$id ?? `def-${index}`),
    },
  });
  app.register(swaggerUi, {
    routePrefix: '/docs',
    // The page and all that it loads come from here; the validator badge would ask another host.
    uiConfig: { validatorUrl: null },
    staticCSP: {
      'default-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'style-src': ["'self'", "'unsafe-inline'"],
    },
  });
  app.after(() => {
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  });
}
