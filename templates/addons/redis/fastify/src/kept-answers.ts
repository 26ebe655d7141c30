import { randomUUID } from 'node:crypto';
import { normalizeIP } from '@fastify/rate-limit';
import type { RouteOptions } from 'fastify';
import type { Exchange } from './exchange.js';
import type { Service } from './generate.js';
import { Problem } from './problems.js';
import { type SharedState, sha256 } from './redis.js';
import type { Reader } from './upstream.js';

/** Milliseconds. A process that dies with a claim holds it for no longer than that. */
const CLAIM = 10_000;
const POLL_EVERY = 100;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

type Ask = Service['upstream']['ask'];

/** What lies under an idempotency key: a claim, which tells who works on it, or the answer. */
interface Entry {
  readonly fingerprint: string;
  readonly owner?: string;
  readonly answer?: string;
}

const REUSED = 'This Idempotency-Key came with another request before';

/** The same key for another request: of all mistakes the one that only this file knows. */
class KeyReused extends Problem {
  constructor() {
    super('invalid-request', { outcome: 'idempotency-key-reused' });
  }

  override toBody(requestId: string) {
    const type = '/problems/idempotency-key-reused';
    const about = { type, title: REUSED, detail: `${REUSED}.` };
    return { ...super.toBody(requestId), ...about };
  }
}

/** Also for messages on its WebSocket, not for the routes of other add-ons. */
const isGenerate = ({ route }: Exchange) => /^\/generate(\/ws)?$/.test(route);

/**
 * Puts kept answers before the calls of the provider. What is kept is what the provider sent, so
 * that whatever reads it, whole or as a stream, reads it again as if it came from there.
 */
export function keepAnswers({ upstream }: Service, state: SharedState): void {
  const { CACHE_TTL, IDEMPOTENCY_TTL, OPENAI_BASE_URL } = state.settings;
  if (CACHE_TTL > 0) upstream.ask = askCache(upstream.ask);
  upstream.ask = askOnce(upstream.ask);

  function askCache(ask: Ask): Ask {
    return async (exchange, call, createReader) => {
      if (!isGenerate(exchange)) return ask(exchange, call, createReader);
      const slot = `llm-api:cache:${sha256(OPENAI_BASE_URL + JSON.stringify(call))}`;
      const found = await state.try((redis) => redis.get(slot));
      const status = (what: string) => exchange.reply.header('cache-status', `llm-api; ${what}`);
      if (found) {
        status('hit');
        return replay(exchange, found, createReader);
      }
      status('fwd=miss');
      const record = recordAnswers(createReader);
      const answer = await ask(exchange, call, record.createReader);
      await state.try((redis) => redis.set(slot, record.read(), 'EX', CACHE_TTL));
      return answer;
    };
  }

  /** One call for one key, however often and wherever it is sent. */
  function askOnce(ask: Ask): Ask {
    return async (exchange, call, createReader) => {
      const slot = findSlot(exchange);
      if (!slot) return ask(exchange, call, createReader);
      const fingerprint = sha256(JSON.stringify(call));
      const claim = renderEntry({ fingerprint, owner: randomUUID() });
      const whileMine = (...command: (string | number)[]) =>
        state.try((redis) => redis.whileMine(slot, claim, ...command));
      for (;;) {
        const found = await state.ask((redis) => redis.claim(slot, claim, CLAIM));
        if (found === undefined) return ask(exchange, call, createReader);
        if (found === null) break;
        const entry: Entry = JSON.parse(found);
        if (entry.fingerprint !== fingerprint) throw new KeyReused();
        if (entry.answer !== undefined) {
          exchange.reply.header('idempotent-replayed', 'true');
          return replay(exchange, entry.answer, createReader);
        }
        await exchange.wait((done) => {
          const timer = setTimeout(done, POLL_EVERY);
          return () => clearTimeout(timer);
        });
      }
      const renewal = setInterval(() => whileMine('PEXPIRE', CLAIM), CLAIM / 4);
      const record = recordAnswers(createReader);
      try {
        const answer = await ask(exchange, call, record.createReader);
        const entry = renderEntry({ fingerprint, answer: record.read() });
        await whileMine('SET', entry, 'EX', IDEMPOTENCY_TTL);
        return answer;
      } catch (error) {
        // A failure is not kept: who comes next tries for themselves.
        await whileMine('DEL');
        throw error;
      } finally {
        clearInterval(renewal);
      }
    };
  }
}

const renderEntry = (entry: Entry) => JSON.stringify(entry);

/** Where the answer of a request with a key is kept: each caller has keys of its own. */
function findSlot({ keyId, route, reply: { request } }: Exchange): string | undefined {
  const { 'idempotency-key': key } = request.headers;
  if (key === undefined || route !== '/generate') return undefined;
  if (IDEMPOTENCY_KEY.test(`${key}`)) {
    return `llm-api:idempotency:${sha256(`${keyId ?? normalizeIP(request.ip)} ${key}`)}`;
  }
  const message = 'must be 1 to 255 visible ASCII characters';
  throw new Problem('invalid-request', { errors: [{ field: 'Idempotency-Key', message }] });
}

/** What of this the OpenAPI document says, beside what the route itself does. */
export function describeKeptAnswers(route: RouteOptions): void {
  if (route.url !== '/generate' || !route.schema) return;
  const header = (description: string) => ({ type: 'string', description });
  const { 200: ok, 422: invalid, ...others } = route.schema.response as Responses;
  const headers = {
    ...ok.headers,
    'Idempotent-Replayed': header('true, where an earlier request with this key was answered so.'),
    'Cache-Status': header('llm-api; hit or llm-api; fwd=miss, with CACHE_TTL.'),
  };
  const description = `${invalid.description} idempotency-key-reused: ${REUSED}.`;
  const response = { 200: { ...ok, headers }, 422: { ...invalid, description }, ...others };
  const key = header('What is sent again with the same key is answered once. 1 to 255 characters.');
  const asked = { type: 'object', properties: { 'Idempotency-Key': key } };
  route.schema = { ...route.schema, headers: asked, response };
}
type Responses = Record<200 | 422, { description: string; headers: object }>;

/** Readers that are read over the shoulder; of several tries, the last. */
function recordAnswers<T>(createReader: () => Reader<T>) {
  let chunks: Buffer[] = [];
  return {
    read: () => Buffer.concat(chunks).toString(),
    createReader(): Reader<T> {
      const reader = createReader();
      chunks = [];
      return {
        read(bytes, resume) {
          chunks.push(bytes);
          return reader.read(bytes, resume);
        },
        end: () => reader.end(),
      };
    },
  };
}

function replay<T>(exchange: Exchange, answer: string, createReader: () => Reader<T>): T {
  exchange.throwIfAborted();
  const reader = createReader();
  reader.read(Buffer.from(answer), () => undefined);
  const result = reader.end();
  // It cost no tokens.
  exchange.usage = null;
  return result;
}
