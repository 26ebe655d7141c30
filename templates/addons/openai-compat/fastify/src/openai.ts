import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { guard, type Service } from './generate.js';
import { describe, response } from './openapi.js';
import { Problem } from './problems.js';
import { relayAnswer, relayStream } from './relay.js';
import type { Settings } from './settings.js';

/** A body that `bodySchema` has let pass. The rest of it is the provider's business. */
interface ChatBody {
  readonly model: string;
  readonly messages: readonly object[];
  readonly tools?: unknown;
  readonly response_format?: unknown;
  readonly max_completion_tokens?: number | null;
  readonly max_tokens?: number | null;
  readonly stream?: boolean | null;
}

function bodySchema({ LLM_MODEL, MAX_OUTPUT_TOKENS }: Settings) {
  const tokens = { type: ['integer', 'null'], minimum: 1, maximum: MAX_OUTPUT_TOKENS };
  const messages = [{ role: 'user', content: 'Say hello.' }];
  return {
    type: 'object',
    description: "As of OpenAI's API; members that are not listed go to the provider as they are.",
    properties: {
      model: { type: 'string' },
      messages: { type: 'array', minItems: 1, items: { type: 'object' } },
      max_completion_tokens: tokens,
      max_tokens: tokens,
      // Each of several answers costs as much as the first.
      n: { enum: [1, null] },
      stream: { type: ['boolean', 'null'] },
    },
    required: ['model', 'messages'],
    examples: [{ model: LLM_MODEL, messages }],
  };
}

const text = { type: 'string' };
const orNull = { type: ['string', 'null'] };
const error = {
  type: 'object',
  properties: { message: text, type: text, param: orNull, code: text },
};
const errorSchema = { $id: 'ApiError', type: 'object', properties: { error } };

const STATUSES: Record<number, string> = {
  400: 'The body is not JSON, or something in it is not valid.',
  401: 'A key of this server is needed.',
  404: 'There is no such model.',
  413: 'The body is larger than this server accepts.',
  415: 'The Content-Type is not application/json.',
  429: 'Too many requests, here or at the model provider.',
  500: 'Something went wrong in this server.',
  502: 'The model provider failed, or rejected the call.',
  503: 'This server is stopping, or too many requests are in front of this one.',
  504: 'The model provider took too long.',
};
const failures = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      response(STATUSES[status] as string, { 'application/json': { $ref: 'ApiError#' } }),
    ]),
  );
const completion = response("The provider's answer, whole or as a stream.", {
  'application/json': { type: 'object' },
  'text/event-stream': { type: 'string' },
});

/** OpenAI's API, whose own clients find here the errors, bytes and models that they expect. */
export async function addOpenAi(app: FastifyInstance, service: Service): Promise<void> {
  // Its errors are its own.
  await app.register((api) => addRoutes(api, service));
}

async function addRoutes(app: FastifyInstance, service: Service): Promise<void> {
  const { settings, access, traffic, upstream } = service;
  const models = [...new Set([settings.LLM_MODEL, ...settings.ALLOWED_MODELS])];
  const security = settings.API_KEYS.length > 0 ? [{ bearer: [] }] : [{}, { bearer: [] }];
  app.addSchema(errorSchema);
  app.setErrorHandler(answerError);

  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    request.exchange.throwIfAborted();
    access.authenticate(request);
    reply.headers(await access.limit(request));
  };
  const list = { object: 'list', data: models.map(describeModel) };
  const listed = describe('Models to ask', list, failures(401, 429, 503));
  app.get('/v1/models', { onRequest, schema: { ...listed.schema, security } }, async () => list);

  const shown = describe('One of the models', list.data[0] ?? {}, failures(401, 404, 429, 503));
  app.get<{ Params: { model: string } }>(
    '/v1/models/:model',
    { onRequest, schema: { ...shown.schema, security } },
    async ({ params: { model } }) => describeModel(find(model)),
  );

  app.post<{ Body: ChatBody }>('/v1/chat/completions', {
    schema: {
      summary: 'Chat, as with OpenAI',
      security,
      body: bodySchema(settings),
      response: { 200: completion, ...failures(...Object.keys(STATUSES).map(Number)) },
    },
    onRequest: (request, reply) => guard(service, request, reply),
    handler: async ({ body, exchange }, reply) => {
      exchange.model = find(body.model);
      checkDepth(body);
      checkLength(body, settings.MAX_PROMPT_CHARS);
      const isCapped = Boolean(body.max_completion_tokens ?? body.max_tokens);
      const cap = { max_completion_tokens: settings.MAX_OUTPUT_TOKENS };
      const call = isCapped ? body : { ...body, ...cap };
      const relay = () =>
        body.stream
          ? relayStream(exchange, service, call)
          : upstream.ask(exchange, call, () => relayAnswer(exchange));
      reply.type('application/json');
      return traffic.admit<Buffer | undefined>(exchange, relay);
    },
  });

  function find(model: string): string {
    if (models.includes(model)) return model;
    throw new Problem('not-found', { outcome: 'model_not_found' });
  }
}

const describeModel = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'llm-api' });

/** Lists and objects in each other. Far more could be read, but not be written again. */
const MAX_DEPTH = 200;

function checkDepth(body: ChatBody): void {
  let depth = 0;
  for (const _level of readLevels(body)) {
    depth += 1;
    if (depth > MAX_DEPTH) throw new Problem('invalid-json');
  }
}

/** All values in it, level by level: a caller can nest them deeper than functions can. */
function* readLevels(value: unknown): Generator<unknown[]> {
  const open = (one: unknown) => (typeof one === 'object' && one ? Object.values(one) : []);
  for (let level = [value]; level.length > 0; level = level.flatMap(open)) yield level;
}

/** All text that the model may read, in characters, in whatever member it stands. */
function checkLength({ messages, tools, response_format }: ChatBody, max: number): void {
  let length = 0;
  for (const level of readLevels([messages, tools, response_format])) {
    for (const one of level) if (typeof one === 'string') length += [...one].length;
  }
  if (length <= max) return;
  const message = `must NOT have more than ${max} characters in all, with tools and response_format`;
  throw new Problem('invalid-request', { errors: [{ field: 'messages', message }] });
}

const TYPES: Record<number, string> = { 401: 'authentication_error', 429: 'rate_limit_error' };

/** In OpenAI's words. What its API calls 400 and 404 has other names in the rest of this server. */
function toApiError(problem: Problem, id: string) {
  const { status: ours, detail, errors = [] } = problem.toBody(id);
  const status = ours === 422 ? 400 : ours;
  const [first] = errors;
  const isModel = problem.slug === 'not-found';
  const found = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  const type = status >= 500 ? 'server_error' : (TYPES[status] ?? 'invalid_request_error');
  return {
    status,
    error: {
      message: isModel ? 'There is no such model here.' : found || detail,
      type,
      param: first && first.field !== 'body' ? first.field : null,
      code: isModel ? 'model_not_found' : problem.slug,
    },
  };
}

function answerError(cause: unknown, { id, exchange }: FastifyRequest, reply: FastifyReply): void {
  const problem = exchange.fail(cause);
  const { status, error } = toApiError(problem, id);
  const body = JSON.stringify({ error });
  if (!reply.raw.headersSent) {
    reply.code(status).headers(problem.extras.headers ?? {});
    // The clients try again after 5xx, and this would fail again.
    if (problem.slug === 'upstream-misconfigured') reply.header('x-should-retry', 'false');
    return void reply.type('application/json').send(body);
  }
  reply.hijack();
  // A reader too slow to take a stream in time would not take its last event either.
  if (reply.raw.writableNeedDrain) reply.raw.destroy();
  else reply.raw.end(`data: ${body}\n\n`);
}
