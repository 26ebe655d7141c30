import { on } from 'node:events';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createAccess } from './access.js';
import type { Exchange, Traffic } from './exchange.js';
import { generateResponses } from './openapi.js';
import { invalidRequest, PROBLEMS, Problem } from './problems.js';
import type { Settings } from './settings.js';
import { createUpstream, type Reader, readAnswer, readEvents, type Sink } from './upstream.js';

/** Of a body that `bodySchema` has let pass: what is looked at before it goes on. */
type Body = { prompt: string; model: string; max_tokens: number; system?: string; stream: boolean };

const bodySchema = ({ LLM_MODEL, MAX_OUTPUT_TOKENS: cap, ...settings }: Settings) => ({
  type: 'object',
  properties: {
    prompt: { type: 'string', minLength: 1, maxLength: settings.MAX_PROMPT_CHARS, pattern: '\\S' },
    system: { type: 'string' },
    model: { enum: [...new Set([LLM_MODEL, ...settings.ALLOWED_MODELS])], default: LLM_MODEL },
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    max_tokens: { type: 'integer', minimum: 1, maximum: cap, default: cap },
    stream: { type: 'boolean', default: false },
  },
  required: ['prompt'],
  additionalProperties: false,
  examples: [{ prompt: 'Say hello.' }, { prompt: 'Say hello.', stream: true }],
});

const STREAMING = { stream: true, stream_options: { include_usage: true } };

/** What is undefined is not sent. */
function renderCall(body: Body & { temperature?: number }) {
  const { prompt, system, model, temperature, max_tokens, stream } = body;
  const messages = [{ role: 'user', content: prompt }];
  if (system !== undefined) messages.unshift({ role: 'system', content: system });
  const call = { model, messages, temperature, max_completion_tokens: max_tokens };
  return stream ? { ...call, ...STREAMING } : call;
}

/** Milliseconds. Proxies close a connection on which nothing moves, many after 30 or 60 s. */
const PING_EVERY = 15_000;
/** Messages of one connection that wait until the one before them is answered. */
const MAX_WAITING = 8;

/** What an answer takes. An add-on may put something of its own before each of these functions. */
export async function createService(app: FastifyInstance, settings: Settings, traffic: Traffic) {
  const upstream = createUpstream(settings);
  app.addHook('onClose', () => upstream.close());
  return { settings, traffic, upstream, access: await createAccess(app, settings) };
}
export type Service = Awaited<ReturnType<typeof createService>>;
export type Addons = Record<string, (app: FastifyInstance, service: Service) => Promise<void>>;

/** Who may not come in hears so before the body is read. */
export async function guard({ access }: Service, request: FastifyRequest, reply: FastifyReply) {
  reply.header('cache-control', 'no-store');
  request.exchange.throwIfAborted();
  access.authenticate(request);
  reply.headers(await access.limit(request));
  // Fastify would take it for no body at all where that is empty.
  if (!request.headers['content-type']) throw new Problem('unsupported-media-type');
  // A body that does not come ends with the request.
  request.exchange.onAbort = (reason) => reply.header('connection', 'close').send(reason);
}

/** Sends the head of a stream; the timer keeps its connection open. */
export function beginEvents(reply: FastifyReply): NodeJS.Timeout {
  reply.headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  reply.header('x-accel-buffering', 'no');
  reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>);
  return setInterval(() => reply.raw.write(': ping\n\n'), PING_EVERY);
}

/** POST /generate and, for messages on a WebSocket, GET /generate/ws: from a request to its answer. */
export async function addGenerate(app: FastifyInstance, service: Service) {
  const { settings, traffic, access, upstream } = service;
  const schema = bodySchema(settings);

  app.post<{ Body: Body }>('/generate', {
    schema: {
      summary: 'Generate text from a prompt',
      security: settings.API_KEYS.length > 0 ? [{ bearer: [] }] : [{}, { bearer: [] }],
      body: schema,
      response: generateResponses,
    },
    onRequest: (request, reply) => guard(service, request, reply),
    handler: ({ body, exchange }) =>
      body.stream ? sendEvents(exchange, body) : ask(exchange, body, () => readAnswer(exchange)),
  });

  function ask<T>(exchange: Exchange, body: Body, createReader: () => Reader<T>) {
    exchange.model = body.model;
    return traffic.admit(exchange, () => upstream.ask(exchange, renderCall(body), createReader));
  }

  /** Until the first event a failure is a status; from then on it is the last event. */
  async function sendEvents(exchange: Exchange, body: Body): Promise<void> {
    const { raw } = exchange.reply;
    let ping: NodeJS.Timeout | undefined;
    const send: Sink = (events, resume, isLast) => {
      ping ??= beginEvents(exchange.reply);
      ping.refresh();
      if (isLast) events.push('[DONE]');
      const isFlowing = raw.write(`data: ${events.join('\n\ndata: ')}\n\n`);
      if (isLast) raw.end();
      else if (!isFlowing) raw.once('drain', resume);
      return isFlowing;
    };
    await ask(exchange, body, () => readEvents(exchange, send)).finally(() => clearInterval(ping));
  }

  // A socket that fails, as by a message that is too large, has been closed and knows why.
  const errorHandler = () => undefined;
  await app.register(websocket, { options: { maxPayload: settings.MAX_BODY_BYTES }, errorHandler });
  const onRequest = async (request: FastifyRequest) => {
    request.exchange.throwIfAborted();
    access.checkOrigin(request);
    access.authenticate(request);
  };
  app.get('/generate/ws', { websocket: true, onRequest }, async (socket, request) => {
    traffic.end(request.exchange);
    const validate = request.compileValidationSchema(schema);
    let { exchange } = request;
    let [received, answered] = [0, 0];
    socket.on('close', () => exchange.abort(new Problem('client_closed')));
    socket.on('message', () => {
      received += 1;
      if (received - answered > MAX_WAITING + 1) socket.close(1008, 'Too many messages wait.');
    });
    const send: Sink = (events, resume) => {
      for (const event of events) socket.send(event, resume);
      return socket.bufferedAmount === 0;
    };
    for await (const [data, isBinary] of on(socket, 'message', { close: ['close'] })) {
      if (socket.readyState !== socket.OPEN) break;
      const id = `${request.id.slice(0, 100)}-${answered + 1}`;
      exchange = traffic.begin(id, request.exchange.reply);
      exchange.keyId = request.exchange.keyId;
      try {
        exchange.throwIfAborted();
        await access.limit(request);
        const body = JSON.parse(isBinary ? '' : `${data}`);
        if (!validate(body)) throw invalidRequest(validate.errors ?? []);
        await ask(exchange, { ...body, stream: true }, () => readEvents(exchange, send));
      } catch (error) {
        socket.send(JSON.stringify({ error: exchange.fail(error).toBody(exchange.id) }));
      }
      traffic.end(exchange, exchange.failure ? PROBLEMS[exchange.failure.slug][0] : 200);
      answered += 1;
    }
  });
}
