import type { FastifyInstance } from 'fastify';
import { Problem } from './problems.js';

/**
 * Fastify answers 404 to a known path with a wrong method. The plugin that this returns, registered
 * last, gives each path one more route for the methods that it lacks: 405 with Allow.
 */
export function watchPaths(app: FastifyInstance) {
  const paths = new Set<string>();
  app.addHook('onRoute', ({ url }) => void paths.add(url));

  return async function answerWrongMethods(scope: FastifyInstance): Promise<void> {
    for (const url of [...paths]) {
      const isAllowed = (method: string) => scope.hasRoute({ url, method });
      const allow = scope.supportedMethods.filter(isAllowed).join(', ');
      scope.route({
        url,
        method: scope.supportedMethods.filter((method) => !isAllowed(method)),
        schema: { hide: true },
        // Before the body is read: a wrong method is wrong whatever it carries.
        onRequest: async () => {
          throw new Problem('method-not-allowed', `Use ${allow}.`, { headers: { allow } });
        },
        handler: () => undefined,
      });
    }
  };
}
