import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { PROBLEMS } from './problems.js';

const text = { type: 'string' };
const count = { type: 'integer' };
const nullable = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });
const object = (properties: Record<string, object>, required = Object.keys(properties)) => {
  return { type: 'object', properties, required };
};
const usage = object({ input_tokens: count, output_tokens: count });
const answer = object({ text, model: text, finish_reason: nullable(text), usage: nullable(usage) });
const about = { type: text, title: text, status: count, detail: text, request_id: text };
const errors = { type: 'array', items: object({ field: text, message: text }) };
const problem = object({ ...about, errors }, Object.keys(about));

const tokens = { input_tokens: 9, output_tokens: 2 };
const end = { finish_reason: 'stop', model: 'gpt-4o', usage: tokens };
const events = [{ text: 'Hello' }, { text: '!' }, end].map((event) => JSON.stringify(event));
const stream = {
  type: 'string',
  description: `Server-sent events of one JSON object each: \`{"text"}\` any number of times, then
\`{"finish_reason","model","usage"}\`, then \`[DONE]\`. A failure on the way is \`{"error":{…problem…}}\`,
and the stream ends without \`[DONE]\`. \`: ping\` comments keep a silent connection open.`,
  examples: [[...events, '[DONE]'].map((event) => `data: ${event}\n\n`).join('')],
};

/** One status: what it means, its body by media type, its headers. */
function response(description: string, bodies: Record<string, object>, ...headers: string[]) {
  const content = Object.entries(bodies).map(([type, schema]) => [type, { schema }]);
  const named = ['X-Request-Id', ...headers].map((name) => [
    name,
    { ...text, description: HEADERS[name] },
  ]);
  const [contentByType, headersByName] = [content, named].map(Object.fromEntries);
  return { description, headers: headersByName, content: contentByType };
}

const HEADERS: Record<string, string> = {
  'X-Request-Id': 'The id that the caller sent, or one we made. It is in our log.',
  'Cache-Control': 'no-store; no-cache on a stream.',
  'Retry-After': 'When to try again: seconds, or a date of the model provider.',
  RateLimit: 'How many requests are left (r), and in how many seconds all are there again (t).',
  'RateLimit-Policy': 'How many requests (q) are allowed in how many seconds (w).',
  'WWW-Authenticate': 'Bearer',
};
const LIMIT = ['RateLimit', 'RateLimit-Policy'];
const HEADERS_OF: Record<number, string[]> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After', ...LIMIT],
  503: ['Retry-After', ...LIMIT],
};

/** The statuses that are problems, each with the names of those that it may be. */
export function problemResponses(...statuses: number[]) {
  const describe = (status: number) => {
    const rows = Object.entries(PROBLEMS).filter(([, [code]]) => code === status);
    const names = rows.map(([slug, [, title]]) => `${slug}: ${title}.`).join(' ');
    const body = { 'application/problem+json': { $ref: 'Problem#' } };
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
/** Its page and all that this loads come from here. */
const CSP = [
  "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
];

/** GET /openapi.json, made from the schemas of the routes, and GET /docs, which shows it. */
export async function addDocs(app: FastifyInstance): Promise<void> {
  app.addSchema({ $id: 'Problem', ...problem });
  const securitySchemes = { bearer: { type: 'http', scheme: 'bearer' } } as const;
  const info = { title: 'LLM API', version: '0.1.0', description };
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info, components: { securitySchemes } },
    // Keeps the name of a shared schema, where the default is "def-0".
    refResolver: { buildLocalReference: ({ $id }, _uri, _part, index) => `${$id ?? index}` },
  });
  // Its validator badge would ask another host.
  const uiConfig = { validatorUrl: null };
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: CSP.join('; '), uiConfig });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
