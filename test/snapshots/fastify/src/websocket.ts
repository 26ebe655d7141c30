import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { invalidRequest, reportProblem } from './errors.js';
import { ClientLeft, type Exchange } from './exchange.js';
import type { Parts } from './generate.js';
import { Problem } from './problems.js';
import { type GenerateBody, generateBody } from './schemas.js';

/** Messages of one connection that wait until the one before them is answered. */
const MAX_WAITING = 8;

/** GET /generate/ws: each message is a request, answered by what a stream of events would hold. */
export async function addWebSocket(app: FastifyInstance, parts: Parts): Promise<void> {
  const { settings, access, admission, exchanges, upstream } = parts;
  const schema = generateBody(settings);
  // A socket that fails, as by a message that is too large, has been closed and knows why.
  const errorHandler = () => undefined;
  await app.register(websocket, { options: { maxPayload: settings.MAX_BODY_BYTES }, errorHandler });

  app.route({
    method: 'GET',
    url: '/generate/ws',
    exposeHeadRoute: false,
    schema: { hide: true },
    onRequest: async (request) => {
      request.exchange.signal.throwIfAborted();
      access.authenticate(request);
    },
    handler: async () => {
      throw new Problem('bad-request', 'Connect with a WebSocket.');
    },
    wsHandler: (socket, request) => {
      exchanges.end(request.exchange);
      const open = new Set<Exchange>();
      let last = Promise.resolve();
      let count = 0;

      const leave = () => {
        for (const { controller } of open) controller.abort(new ClientLeft());
      };
      socket.on('close', leave);
      socket.on('message', (data, isBinary) => {
        if (socket.readyState !== socket.OPEN) return;
        if (open.size > MAX_WAITING) {
          socket.close(1008, 'Too many messages wait.');
          return leave();
        }
        count += 1;
        const id = `${request.id.slice(0, 100)}-${count}`;
        const log = app.log.child({ request_id: id });
        const exchange = exchanges.begin(id, 'GET', '/generate/ws', log);
        exchange.keyId = request.exchange.keyId;
        open.add(exchange);
        last = last.then(() => answer(exchange, isBinary ? undefined : data.toString()));
      });

      async function answer(exchange: Exchange, text: string | undefined): Promise<void> {
        const { signal } = exchange;
        try {
          signal.throwIfAborted();
          await access.limit(request);
          const body = readMessage(text, request.compileValidationSchema(schema));
          exchange.model = body.model ?? settings.LLM_MODEL;
          await admission.run(signal, async () => {
            const { first, rest } = await upstream.stream(body, exchange);
            await send(socket, first, signal);
            for await (const event of rest) await send(socket, event, signal);
          });
        } catch (error) {
          const reason = signal.aborted ? signal.reason : error;
          if (reason instanceof ClientLeft) return exchanges.end(exchange, 499);
          const problem = reportProblem(exchange, reason);
          socket.send(JSON.stringify({ error: problem.toBody(exchange.id) }));
        } finally {
          open.delete(exchange);
          exchanges.end(exchange, exchange.problem?.status ?? 200);
        }
      }
    },
  });
}

type Validate = ReturnType<FastifyRequest['compileValidationSchema']>;

function readMessage(text: string | undefined, validate: Validate): GenerateBody {
  if (text === undefined) throw new Problem('unsupported-media-type', 'Send text messages.');
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new Problem('invalid-json', 'The message could not be read as JSON.');
  }
  if (!validate(message)) throw invalidRequest(validate.errors ?? []);
  return message as GenerateBody;
}

/** Resolves once it has left this process: a slow reader slows the model down. */
function send(socket: WebSocket, event: object, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.send(JSON.stringify(event), () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
