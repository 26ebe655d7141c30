import { on } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Access } from './access.js';
import type { Exchange, Traffic } from './exchange.js';
import { generateResponses } from './openapi.js';
import { invalidRequest, Problem } from './problems.js';
import type { Settings } from './settings.js';
import { type Reader, readAnswer, readEvents, type Sink, type Upstream } from './upstream.js';

/** A body that `bodySchema` has let pass. */
export type GenerateBody = { prompt: string } & Partial<
  Record<'system' | 'model', string> & Record<'temperature' | 'max_tokens', number>
> & { stream?: boolean };

const bodySchema = ({ LLM_MODEL, ALLOWED_MODELS, ...settings }: Settings) => ({
  type: 'object',
  properties: {
    prompt: { type: 'string', minLength: 1, maxLength: settings.MAX_PROMPT_CHARS, pattern: '\\S' },
    system: { type: 'string' },
    model: { enum: [...new Set([LLM_MODEL, ...ALLOWED_MODELS])], default: LLM_MODEL },
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    max_tokens: { type: 'integer', minimum: 1, maximum: settings.MAX_OUTPUT_TOKENS },
    stream: { type: 'boolean', default: false },
  },
  required: ['prompt'],
  additionalProperties: false,
  examples: [{ prompt: 'Say hello.' }, { prompt: 'Say hello.', stream: true }],
});

/** Milliseconds. Proxies close a connection on which nothing moves, many after 30 or 60 s. */
const PING_EVERY = 15_000;
/** Messages of one connection that wait until the one before them is answered. */
const MAX_WAITING = 8;

/** POST /generate and, for messages on a WebSocket, GET /generate/ws: from a request to its answer. */
export async function addGenerate(
  app: FastifyInstance,
  settings: Settings,
  access: Access,
  traffic: Traffic,
  upstream: Upstream,
): Promise<void> {
  const schema = bodySchema(settings);

  app.post<{ Body: GenerateBody }>('/generate', {
    schema: {
      summary: 'Generate text from a prompt',
      security: settings.API_KEYS.length > 0 ? [{ bearer: [] }] : [{}, { bearer: [] }],
      body: schema,
      response: generateResponses,
    },
    onRequest: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      request.exchange.throwIfAborted();
      access.authenticate(request);
      reply.headers(await access.limit(request));
      // A body that does not come ends with the request.
      request.exchange.onAbort = (reason) => reply.header('connection', 'close').send(reason);
    },
    handler: ({ body, exchange }, reply) =>
      body.stream ? sendEvents(reply, body) : ask(exchange, body, () => readAnswer(exchange)),
  });

  function ask<T>(exchange: Exchange, body: GenerateBody, createReader: () => Reader<T>) {
    exchange.model = body.model ?? settings.LLM_MODEL;
    return traffic.admit(exchange, () => upstream.ask(exchange, body, createReader));
  }

  /** Until the first event a failure is a status; from then on it is the last event. */
  async function sendEvents(reply: FastifyReply, body: GenerateBody): Promise<void> {
    const { raw, request } = reply;
    let ping: NodeJS.Timeout | undefined;
    const begin = () => {
      reply.headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      reply.header('x-accel-buffering', 'no');
      raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
      return setInterval(() => raw.write(': ping\n\n'), PING_EVERY);
    };
    const send: Sink = (events, resume, isLast) => {
      ping ??= begin();
      ping.refresh();
      if (isLast) events.push('[DONE]');
      const isFlowing = raw.write(`data: ${events.join('\n\ndata: ')}\n\n`);
      if (isLast) raw.end();
      else if (!isFlowing) raw.once('drain', resume);
      return isFlowing;
    };
    const { exchange } = request;
    await ask(exchange, body, () => readEvents(exchange, send)).finally(() => clearInterval(ping));
  }

  // A socket that fails, as by a message that is too large, has been closed and knows why.
  const errorHandler = () => undefined;
  await app.register(websocket, { options: { maxPayload: settings.MAX_BODY_BYTES }, errorHandler });
  app.route({
    method: 'GET',
    url: '/generate/ws',
    schema: { hide: true },
    onRequest: async (request) => {
      request.exchange.throwIfAborted();
      access.checkOrigin(request);
      access.authenticate(request);
    },
    handler: async () => {
      throw new Problem('not-found', { reason: 'not a WebSocket' });
    },
    wsHandler: async (socket, request) => {
      traffic.end(request.exchange);
      const validate = request.compileValidationSchema(schema);
      let { exchange } = request;
      let [received, answered] = [0, 0];
      const leave = () => exchange.abort(new Problem('client_closed'));
      socket.on('close', leave);
      socket.on('message', () => {
        received += 1;
        if (received - answered <= MAX_WAITING + 1) return;
        socket.close(1008, 'Too many messages wait.');
        leave();
      });
      const send: Sink = (events, resume) => {
        const last = events.pop() as string;
        for (const event of events) socket.send(event);
        socket.send(last, resume);
        return socket.bufferedAmount === 0;
      };
      for await (const [data, isBinary] of on(socket, 'message', { close: ['close'] })) {
        if (socket.readyState !== socket.OPEN) break;
        const id = `${request.id.slice(0, 100)}-${answered + 1}`;
        exchange = traffic.begin(id, 'GET', '/generate/ws');
        exchange.keyId = request.exchange.keyId;
        let status = 200;
        try {
          exchange.throwIfAborted();
          await access.limit(request);
          const body = JSON.parse(isBinary ? '' : `${data}`);
          if (!validate(body)) throw invalidRequest(validate.errors ?? []);
          await ask(exchange, { ...body, stream: true }, () => readEvents(exchange, send));
        } catch (error) {
          const problem = exchange.fail(error).toBody(exchange.id);
          status = problem.status;
          socket.send(JSON.stringify({ error: problem }));
        }
        traffic.end(exchange, status);
        answered += 1;
      }
    },
  });
}
