import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { createAuthenticate, createLimit } from './access.js';
import { invalidRequest, reportProblem } from './errors.js';
import { ClientLeft, type Exchange } from './exchange.js';
import type { Parts } from './generate.js';
import { Problem } from './problems.js';
import type { GenerateBody } from './schemas.js';

/** Messages of one connection that wait until the one before them is answered. */
const MAX_WAITING = 8;

interface Guards {
  readonly authenticate: ReturnType<typeof createAuthenticate>;
  readonly limit: Awaited<ReturnType<typeof createLimit>>;
  readonly body: object;
}

/** GET /generate/ws: each message is a request, answered by what a stream of events would hold. */
export async function addWebSocket(
  app: FastifyInstance,
  { settings, exchanges, admission, upstream }: Parts,
  { authenticate, limit, body }: Guards,
): Promise<void> {
  await app.register(websocket, {
    options: { maxPayload: settings.MAX_BODY_BYTES },
    // Such as a message that is too large: the socket has been closed and says why.
    errorHandler: () => undefined,
  });

  app.route({
    method: 'GET',
    url: '/generate/ws',
    exposeHeadRoute: false,
    schema: { hide: true },
    onRequest: async (request) => {
      request.exchange.signal.throwIfAborted();
      await authenticate(request);
    },
    handler: async () => {
      throw new Problem('bad-request', 'Connect with a WebSocket.');
    },
    wsHandler: (socket, request) => {
      exchanges.forget(request.exchange);
      const validate = request.compileValidationSchema(body);
      const open = new Set<Exchange>();
      let last = Promise.resolve();
      let count = 0;

      const leave = () => {
        for (const exchange of open) exchange.abort(new ClientLeft());
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
        const exchange = exchanges.begin(id, request.method, '/generate/ws', log);
        exchange.keyId = request.exchange.keyId;
        open.add(exchange);
        last = last.then(() => answer(exchange, isBinary ? undefined : data.toString()));
      });

      async function answer(exchange: Exchange, text: string | undefined): Promise<void> {
        const { signal } = exchange;
        try {
          signal.throwIfAborted();
          await limit(request);
          const message = readMessage(text, validate);
          exchange.model = message.model ?? settings.LLM_MODEL;
          const leavePlace = await admission.enter(signal);
          try {
            const { first, rest } = await upstream.stream(message, exchange);
            await send(socket, first, signal);
            for await (const event of rest) await send(socket, event, signal);
          } finally {
            leavePlace();
          }
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
  if (text === undefined) {
    throw new Problem('unsupported-media-type', 'Send JSON in text messages.');
  }
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
