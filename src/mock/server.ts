import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MAX_BODY_BYTES, readText } from './body.ts';
import { ApiError, renderError } from './errors.ts';
import { Exchange, JSON_TYPE } from './exchange.ts';
import { FAULTS, type Fault, parseFault, spoilOf } from './faults.ts';
import { listen, nameHost } from './listen.ts';
import type { Pace } from './manner.ts';
import { play } from './play.ts';
import { parseBody } from './read.ts';
import { type MockCounts, type MockRequest, Recorder } from './record.ts';
import { findRoute } from './routes.ts';

export interface MockOptions extends Partial<Pace> {
  readonly host?: string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
  /** What goes wrong with every request that does not choose for itself. */
  readonly fault?: Fault | undefined;
  /** Tokens of each answer; undefined: as many as its words have. */
  readonly tokens?: number | undefined;
  /** Seconds that a `rate-limited` answer asks its caller to wait. */
  readonly retryAfter?: number;
}

export interface Mock {
  /** What goes into OPENAI_BASE_URL: it ends in `/v1`. */
  readonly url: string;
  readonly port: number;
  /** The last requests, oldest first: at most 1,000, and 32 MiB of bodies. */
  readonly requests: readonly MockRequest[];
  /** Of all requests since the start or the last reset. */
  readonly counts: MockCounts;
  setFault(fault: Fault | undefined): void;
  setPace(pace: Partial<Pace>): void;
  /** Forgets every request, and goes back to the fault and pace it was started with. */
  reset(): void;
  /** Ends open connections at once. */
  close(): Promise<void>;
}

/** Starts an upstream that speaks OpenAI's protocol. A port in use rejects with EADDRINUSE. */
export async function startMock(options: MockOptions = {}): Promise<Mock> {
  const { host = '127.0.0.1', port = 0, retryAfter = 7 } = options;
  const { timeToFirstToken = 0, tokensPerSecond = 0 } = options;
  let pace: Pace = { timeToFirstToken, tokensPerSecond };
  let fault = options.fault;
  let recorder = new Recorder();
  let closing: Promise<void> | undefined;

  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const path = url.split('?', 1)[0] ?? '';
    const keeper = recorder;
    const record = keeper.open(method, path, headers);
    const exchange = new Exchange(response, `req_mock_${record.serial}`, (outcome) =>
      keeper.close(record, outcome),
    );
    response.on('close', () => {
      exchange.stop();
      keeper.close(record, closing ? 'faulted' : 'client-left');
    });
    readText(request, (text, size) => {
      try {
        const { route, rest } = findRoute(method, path);
        if (size > MAX_BODY_BYTES) throw new ApiError(413, 'The request body is too large.');
        const body = method === 'POST' ? parseBody(text) : undefined;
        keeper.keepBody(record, body, size);
        const created = Math.floor(record.startedAt / 1000);
        const reply = route.answer(
          body,
          { serial: record.serial, created, length: options.tokens },
          rest,
        );
        record.fault = chooseFault(headers['x-mock-fault'], reply.model) ?? fault;
        const spoil = record.fault && spoilOf(record.fault);
        play(reply, { ...pace, spoil, retryAfter }, exchange);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const extra = Object.entries(error.headers).flat();
        exchange.send('completed', error.status, renderError(error.body), [...JSON_TYPE, ...extra]);
      }
    });
  });
  // Idle connections stay: a client's pool may keep them for longer than Node's five seconds.
  server.keepAliveTimeout = 0;
  await listen(server, host, port);
  const { port: taken } = server.address() as AddressInfo;

  return {
    url: `http://${nameHost(host)}:${taken}/v1`,
    port: taken,
    get requests() {
      return recorder.requests;
    },
    get counts() {
      return recorder.counts;
    },
    setFault(next) {
      fault = next;
    },
    setPace(next) {
      pace = { ...pace, ...next };
    },
    reset() {
      recorder = new Recorder();
      pace = { timeToFirstToken, tokensPerSecond };
      fault = options.fault;
    },
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function chooseFault(header: string | string[] | undefined, model = ''): Fault | undefined {
  if (header === undefined)
    return model.startsWith('mock-') ? parseFault(model.slice(5)) : undefined;
  const fault = parseFault(String(header));
  if (fault) return fault;
  const known = FAULTS.map(({ name }) => name).join(', ');
  throw new ApiError(400, `There is no fault '${header}'. The mock knows: ${known}.`);
}
