import { StringDecoder } from 'node:string_decoder';
import { type Dispatcher, Pool, util } from 'undici';
import type { Exchange } from './exchange.js';
import { Problem } from './problems.js';
import type { Settings } from './settings.js';

/** Seconds. Where the wait is longer, the caller hears so now and can come back. */
const MAX_RETRY_WAIT = 5;

/** Reads one answer. When `read` returns false, the provider is held back until `resume`. */
export interface Reader<T> {
  read(bytes: Buffer, resume: () => void): boolean;
  end(): T;
}

/**
 * The model provider. No SDK: its objects per call and per token cost several times as much as all
 * the rest of a request. Of undici `dispatch` and not `request`: a token goes from one socket to
 * the other in one turn, through no stream and no promise.
 */
export function createUpstream(settings: Settings) {
  const { OPENAI_API_KEY, REQUEST_TIMEOUT, MAX_RETRIES } = settings;
  const { origin, pathname } = new URL(settings.OPENAI_BASE_URL);
  const path = `${pathname.replace(/\/+$/, '')}/chat/completions`;
  // Idle is no headers, or no further byte. It does not count while a slow reader holds us back.
  const idle = settings.IDLE_TIMEOUT * 1000;
  const connect = { timeout: settings.CONNECT_TIMEOUT * 1000 };
  const pool = new Pool(origin, { connect, headersTimeout: idle, bodyTimeout: idle });
  const ours = { authorization: `Bearer ${OPENAI_API_KEY}`, 'content-type': 'application/json' };

  /** Tries until it works, the retries are used up, or a wait would outlive the request. */
  async function ask<T>(exchange: Exchange, call: object, createReader: () => Reader<T>) {
    if (!OPENAI_API_KEY) throw new Problem('upstream-misconfigured', { reason: 'no key' });
    const endsAt = exchange.startedAt + 1000 * REQUEST_TIMEOUT;
    for (let retries = 0; ; retries += 1) {
      try {
        return await post(exchange, call, createReader());
      } catch (error) {
        const failure = toFailure(error);
        const backoff = 0.5 * 2 ** retries * (0.5 + Math.random() / 2);
        const { isPassing, retryAfter = backoff } = failure.extras;
        const isLast = retries === MAX_RETRIES || exchange.firstToken !== null;
        const isLate = performance.now() + 1000 * retryAfter >= endsAt;
        if (isLast || isLate || !isPassing || retryAfter > MAX_RETRY_WAIT) throw failure;
        await exchange.wait(() => () => {}, retryAfter);
      }
    }
  }

  function post<T>(exchange: Exchange, call: object, reader: Reader<T>): Promise<T> {
    return exchange.wait((done) => {
      let [abort, resume] = [() => {}, () => {}];
      let refusal: Problem | undefined;
      let isFlowing = true;
      const chunks: Buffer[] = [];
      const read = () => {
        if (chunks.length === 0 || exchange.failure) return;
        isFlowing = reader.read(Buffer.concat(chunks.splice(0)), resume);
      };
      const headers = { ...ours, ...exchange.more?.headers, 'x-request-id': exchange.id };
      const handler: Dispatcher.DispatchHandlers = {
        onConnect(abortCall) {
          abort = abortCall;
          if (exchange.failure) abort();
        },
        onHeaders(status, rawHeaders, resumeCall) {
          resume = () => {
            isFlowing = true;
            resumeCall();
          };
          if (status >= 300) refusal = readRefusal(status, rawHeaders);
          return true;
        },
        onData(bytes) {
          if (refusal) return true;
          // What comes in one turn goes on as one: a burst of tokens is a single write.
          if (chunks.push(bytes) === 1) Promise.resolve().then(read).catch(done);
          return isFlowing;
        },
        onComplete() {
          if (refusal) return done(refusal);
          read();
          done(undefined, reader.end());
        },
        onError(error) {
          read();
          done(error);
        },
      };
      pool.dispatch({ method: 'POST', path, headers, body: JSON.stringify(call) }, handler);
      return () => abort();
    });
  }

  return { ask, close: () => pool.destroy() };
}

export function readAnswer(exchange: Exchange) {
  const chunks: Buffer[] = [];
  return {
    read: (bytes: Buffer) => chunks.push(bytes) > 0,
    end() {
      const reply = JSON.parse(Buffer.concat(chunks).toString());
      const { message, finish_reason = null } = reply?.choices?.[0] ?? {};
      const text = message?.content;
      if (typeof text !== 'string') throw new Problem('upstream-failed', { reason: 'no text' });
      exchange.usage = readUsage(reply);
      exchange.end = { finish_reason, model: reply.model || exchange.model };
      return { text, ...exchange.end, usage: exchange.usage };
    },
  };
}

/** Takes events that came together, as JSON; returns false to get no more until `resume`. */
export type Sink = (events: string[], resume: () => void, isLast?: boolean) => boolean;

/** A string that means the same in JSON and out of it. */
const PLAIN = /^"[^"\\\p{Cc}]+"$/u;

export function readEvents(exchange: Exchange, send: Sink): Reader<void> {
  const decoder = new StringDecoder();
  let rest = '';
  const { end } = exchange;
  end.model = exchange.model;
  // Around their text the events of a stream are alike: what was parsed once need not be parsed
  // again, which makes a stream three times as cheap. No line holds this first head.
  let [head = '', tail = ''] = ['\n'];

  /** The text of an event, in quotes. */
  function readLine(line: string): string | undefined {
    const middle = line.slice(head.length, line.length - tail.length);
    if (PLAIN.test(middle) && line === head + middle + tail) return middle;
    const data = line.startsWith('data:') ? line.slice(5).trim() : '';
    if (data === '' || data === '[DONE]') return undefined;
    const reply = JSON.parse(data);
    if (reply?.error) throw passing('error event');
    const choice = reply?.choices?.[0];
    end.finish_reason = choice?.finish_reason ?? end.finish_reason;
    end.model = reply?.model || end.model;
    exchange.usage = readUsage(reply) ?? exchange.usage;
    const text = choice?.delta?.content;
    if (!text || typeof text !== 'string') return undefined;
    const quoted = JSON.stringify(text);
    const around = line.split(quoted);
    // If it is there once, no other field has been taken for it.
    if (around.length === 2) [head = '', tail = ''] = around;
    return quoted;
  }

  return {
    read(bytes, resume) {
      const lines = (rest + decoder.write(bytes)).split('\n');
      rest = lines.pop() ?? '';
      const events: string[] = [];
      let isFlowing = true;
      try {
        for (const line of lines) {
          const text = readLine(line);
          if (text) events.push(`{"text":${text}}`);
        }
      } finally {
        if (events.length > 0) exchange.firstToken ??= performance.now() - exchange.startedAt;
        // What came before a failure is still an answer.
        if (events.length > 0) isFlowing = send(events, resume);
      }
      return isFlowing;
    },
    end() {
      if (!end.finish_reason) throw new Problem('upstream-truncated');
      send([JSON.stringify({ ...end, usage: exchange.usage })], () => {}, true);
    },
  };
}

const passing = (reason: string) => new Problem('upstream-failed', { reason, isPassing: true });

export function readUsage(reply: { usage?: { prompt_tokens: number; completion_tokens: number } }) {
  if (!reply?.usage) return null;
  return { input_tokens: reply.usage.prompt_tokens, output_tokens: reply.usage.completion_tokens };
}

function readRefusal(status: number, rawHeaders: Buffer[]): Problem {
  const reason = `HTTP ${status}`;
  const { 'retry-after': given = '' } = util.parseHeaders(rawHeaders) as Record<string, string>;
  // Seconds, or a date.
  const seconds = /^\d/.test(given) ? Number(given) : (Date.parse(given) - Date.now()) / 1000;
  const extras = { reason, isPassing: true, retryAfter: seconds || undefined };
  const headers = given ? { 'retry-after': given } : {};
  if (status === 429) return new Problem('upstream-rate-limited', { ...extras, headers });
  if (status >= 500 || status === 408) return new Problem('upstream-failed', extras);
  return new Problem('upstream-misconfigured', { reason });
}

/** Codes, such as ECONNREFUSED, may be told. Messages may quote bodies. */
function toFailure(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SyntaxError) return new Problem('upstream-failed', { reason: 'not JSON' });
  // What has no code is a bug of ours.
  if (!(error instanceof Error && 'code' in error)) throw error;
  const reason = `${error.code}`;
  if (/TIMEOUT|TIMEDOUT/.test(reason)) return new Problem('upstream-timeout', { reason });
  return passing(reason);
}
