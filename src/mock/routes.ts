import { answerChat } from './chat.ts';
import { answerEmbeddings } from './embeddings.ts';
import { ApiError } from './errors.ts';
import { listModels, showModel } from './models.ts';
import type { Reply, Stamp } from './reply.ts';
import { answerResponses } from './responses.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  /** A pattern that ends in `/` takes the rest of the path as its argument. */
  readonly path: string;
  answer(body: unknown, stamp: Stamp, rest: string): Reply;
}

const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/v1/chat/completions', answer: answerChat },
  { method: 'POST', path: '/v1/responses', answer: answerResponses },
  { method: 'POST', path: '/v1/embeddings', answer: answerEmbeddings },
  { method: 'GET', path: '/v1/models', answer: listModels },
  { method: 'GET', path: '/v1/models/', answer: showModel },
];

export function findRoute(method: string, path: string): { route: Route; rest: string } {
  const route = ROUTES.find((one) =>
    one.path.endsWith('/')
      ? path.startsWith(one.path) && path.length > one.path.length
      : path === one.path,
  );
  if (!route) throw new ApiError(404, `Invalid URL (${method} ${path}). The mock knows: ${LIST}.`);
  if (route.method === method) return { route, rest: path.slice(route.path.length) };
  throw new ApiError(
    405,
    `Only ${route.method} requests are accepted.`,
    { code: 'method_not_supported' },
    { Allow: route.method },
  );
}

const LIST = ROUTES.map(({ method, path }) => `${method} ${path.replace(/\/$/, '/{id}')}`).join(
  ', ',
);
