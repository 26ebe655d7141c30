import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { PROBLEMS } from './problems.js';

const text = { type: 'string' };
const count = { type: 'integer' };
const object = (properties: Record<string, object>, required = Object.keys(properties)) => {
  return { type: 'object', properties, required };
};
const tokenCounts = object({ input_tokens: count, output_tokens: count });
const usage = { ...tokenCounts, type: ['object', 'null'] };
const finish_reason = { type: ['string', 'null'] };
const answer = object({ text, model: text, finish_reason, usage });
const about = { type: text, title: text, status: count, detail: text, request_id: text };
const errors = { type: 'array', items: object({ field: text, message: text }) };
const problem = object({ ...about, errors }, Object.keys(about));

const end = { finish_reason: 'stop', model: 'gpt-5', usage: { input_tokens: 9, output_tokens: 2 } };
const events = [{ text: 'Hello' }, { text: '!' }, end].map((event) => JSON.stringify(event));
const stream = {
  type: 'string',
  description: `Server-sent events: the text in pieces, how it ended, \`[DONE]\`. After a failure on the way
the last one is \`{"error":{…problem…}}\`. \`: ping\` comments keep a silent connection open.`,
  examples: [[...events, '[DONE]'].map((event) => `data: ${event}\n\n`).join('')],
};

/** One status: what it means, its body by media type, its headers. */
export function response(description: string, bodies: Record<string, object>, ...names: string[]) {
  const content = Object.entries(bodies).map(([type, schema]) => [type, { schema }]);
  const named = ['X-Request-Id', ...names].map((name) => [name, HEADERS[name]]);
  return { description, headers: Object.fromEntries(named), content: Object.fromEntries(content) };
}

const header = (description: string) => ({ ...text, description });
const HEADERS: Record<string, object> = {
  'X-Request-Id': header('The id that the caller sent, or one we made. It is in our log.'),
  'Cache-Control': header('no-store; no-cache on a stream.'),
  'Retry-After': header('When to try again: seconds, or a date of the model provider.'),
  RateLimit: header('How many requests are left (r), and in how many seconds all are back (t).'),
  'RateLimit-Policy': header('How many requests (q) are allowed in how many seconds (w).'),
  'WWW-Authenticate': header('Bearer'),
};
const LIMIT = ['RateLimit', 'RateLimit-Policy'];
const WAIT = ['Retry-After', ...LIMIT];
const HEADERS_OF: Record<number, string[]> = { 401: ['WWW-Authenticate'], 429: WAIT, 503: WAIT };

/** The statuses that are problems, each with the names of those that it may be. */
export function problemResponses(...statuses: number[]) {
  const describe = (status: number) => {
    const rows = Object.entries(PROBLEMS).filter(([, [code]]) => code === status);
    const names = rows.map(([slug, [, title]]) => `${slug}: ${title}.`).join(' ');
    const body = { 'application/problem+json': problem };
    return [status, response(names, body, ...(HEADERS_OF[status] ?? LIMIT))];
  };
  return Object.fromEntries(statuses.map(describe));
}

const examples = [{ text: 'Hello!', ...end }];
const bodies = { 'application/json': { ...answer, examples }, 'text/event-stream': stream };
export const generateResponses = {
  200: response('The answer, whole or as a stream.', bodies, 'Cache-Control', ...LIMIT),
  ...problemResponses(400, 401, 413, 415, 422, 429, 500, 502, 503, 504),
};

/** A route whose answer is told by an example. */
export function describe(summary: string, example: object | string, problems = {}) {
  const type = typeof example === 'string' ? 'text/plain' : 'application/json';
  const ok = response(summary, { [type]: { examples: [example] } });
  return { schema: { summary, response: { 200: ok, ...problems } } };
}

const description = `Text from a large language model: whole, as a stream, or over a WebSocket. Send
the body of POST /generate as a message to \`/generate/ws\`, and get what its stream would say.`;
/** The page of the docs and all that it loads come from here. */
const CSP =
  "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; " +
  "style-src 'self' 'unsafe-inline'";

/** GET /openapi.json, made from the schemas of the routes, and GET /docs, which shows it. */
export async function addDocs(app: FastifyInstance): Promise<void> {
  const securitySchemes = { bearer: { type: 'http', scheme: 'bearer' } } as const;
  const info = { title: 'LLM API', version: '0.1.0', description };
  const openapi = { openapi: '3.1.0', info, components: { securitySchemes } };
  await app.register(swagger, { openapi });
  // Its validator badge would ask another host.
  const uiConfig = { validatorUrl: null };
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: CSP, uiConfig });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
