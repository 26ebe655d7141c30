import { StringDecoder } from 'node:string_decoder';
import { Pool, util } from 'undici';
import type { Exchange } from './exchange.js';
import type { GenerateBody } from './generate.js';
import { Problem } from './problems.js';
import type { Settings } from './settings.js';

/** Seconds. Where the wait is longer, the caller hears so now and can come back. */
const MAX_RETRY_WAIT = 5;

/** Reads one answer. When `read` returns false, the provider is held back until `resume`. */
export interface Reader<T> {
  read(bytes: Buffer, resume: () => void): boolean;
  end(): T;
}
export type Upstream = ReturnType<typeof createUpstream>;

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
  async function ask<T>(exchange: Exchange, asked: GenerateBody, createReader: () => Reader<T>) {
    if (!OPENAI_API_KEY) throw new Problem('upstream-misconfigured', { reason: 'no key' });
    const endsAt = exchange.startedAt + 1000 * REQUEST_TIMEOUT;
    const body = render(asked);
    for (let retries = 0; ; retries += 1) {
      try {
        return await post(exchange, body, createReader());
      } catch (error) {
        const failure = toFailure(error);
        const backoff = 0.5 * 2 ** retries * (0.5 + Math.random() / 2);
        const { isPassing, retryAfter = backoff } = failure.extras;
        const isLast = retries === MAX_RETRIES || exchange.firstToken !== null;
        const isLate = performance.now() + 1000 * retryAfter >= endsAt;
        if (isLast || isLate || !isPassing || retryAfter > MAX_RETRY_WAIT) throw failure;
        await exchange.wait((done) => {
          const timer = setTimeout(done, 1000 * retryAfter);
          return () => clearTimeout(timer);
        });
      }
    }
  }

  function render({ prompt, system, model, temperature, max_tokens, stream }: GenerateBody) {
    const messages = [{ role: 'user', content: prompt }];
    if (system !== undefined) messages.unshift({ role: 'system', content: system });
    return JSON.stringify({
      model: model ?? settings.LLM_MODEL,
      messages,
      max_completion_tokens: max_tokens ?? settings.MAX_OUTPUT_TOKENS,
      temperature,
      ...(stream && { stream, stream_options: { include_usage: true } }),
    });
  }

  function post<T>(exchange: Exchange, body: string, reader: Reader<T>): Promise<T> {
    return exchange.wait((done) => {
      let abort = () => {};
      let resume = () => {};
      let refusal: Problem | undefined;
      const headers = { ...ours, 'x-request-id': exchange.id };
      pool.dispatch(
        { method: 'POST', path, headers, body },
        {
          onConnect(abortCall) {
            abort = abortCall;
            if (exchange.failure) abort();
          },
          onHeaders(status, rawHeaders, resumeCall) {
            resume = resumeCall;
            if (status >= 300) refusal = readRefusal(status, rawHeaders);
            return true;
          },
          onData: (bytes) => refusal !== undefined || reader.read(bytes, resume),
          onComplete: () => (refusal ? done(refusal) : done(undefined, reader.end())),
          onError: done,
        },
      );
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
      return { text, model: reply.model || exchange.model, finish_reason, usage: exchange.usage };
    },
  };
}

/** Takes events that came together, as JSON; returns false to get no more until `resume`. */
export type Sink = (events: string[], resume: () => void, isLast?: boolean) => boolean;
/** What means the same in JSON and out of it. */
const PLAIN = /^[ !#-[\]-\u{10ffff}]+$/u;

export function readEvents(exchange: Exchange, send: Sink): Reader<void> {
  const decoder = new StringDecoder();
  let rest = '';
  let { model } = exchange;
  let finish_reason: string | null = null;
  // Around their text the events of a stream are the same. What stands between a head and a tail
  // that were parsed once need not be parsed again: 20 µs for 100 events instead of 160.
  let [head, tail, lessons] = ['\0', '', 3];

  function learn(line: string, text: string): void {
    const at = line.indexOf(`"${text}"`) + 1;
    if (at === 0 || lessons === 0) return;
    lessons -= 1;
    const [before, after] = [line.slice(0, at), line.slice(at + text.length)];
    const probe = JSON.parse(`${before}?${after}`.slice(5));
    if (probe.choices?.[0]?.delta?.content === '?') [head, tail] = [before, `${after}\n`];
  }

  function readLine(line: string): string | undefined {
    const data = line.startsWith('data:') ? line.slice(5).trim() : '';
    if (data === '' || data === '[DONE]') return undefined;
    const reply = JSON.parse(data);
    if (reply?.error) throw passing('error event');
    const choice = reply?.choices?.[0];
    finish_reason = choice?.finish_reason ?? finish_reason;
    model = reply?.model || model;
    exchange.usage = readUsage(reply) ?? exchange.usage;
    const text = choice?.delta?.content;
    if (!text || typeof text !== 'string') return undefined;
    learn(line, text);
    return `{"text":${JSON.stringify(text)}}`;
  }

  /** The text that starts at `start`, where it stands between the known head and tail. */
  function cut(received: string, start: number): string | undefined {
    const from = start + head.length;
    // Not startsWith: on parts of other strings it takes five times as long.
    if (received.slice(start, from) !== head) return undefined;
    const end = received.indexOf('"', from);
    if (end < 0 || received.slice(end, end + tail.length) !== tail) return undefined;
    const text = received.slice(from, end);
    return PLAIN.test(text) ? text : undefined;
  }

  const sendOn: Sink = (...args) => {
    exchange.firstToken ??= performance.now() - exchange.startedAt;
    return send(...args);
  };
  return {
    read(bytes, resume) {
      const received = rest + decoder.write(bytes);
      const events: string[] = [];
      let [start, isFlowing] = [0, true];
      try {
        for (;;) {
          const text = cut(received, start);
          const end = received.indexOf('\n', text ? start + head.length + tail.length - 1 : start);
          if (end < 0) break;
          const event = text ? `{"text":"${text}"}` : readLine(received.slice(start, end));
          if (event) events.push(event);
          start = end + 1;
        }
      } finally {
        rest = received.slice(start);
        // What came before a failure is still an answer.
        if (events.length > 0) isFlowing = sendOn(events, resume);
      }
      return isFlowing;
    },
    end() {
      if (!finish_reason) throw new Problem('upstream-truncated');
      sendOn([JSON.stringify({ finish_reason, model, usage: exchange.usage })], () => {}, true);
    },
  };
}

const passing = (reason: string) => new Problem('upstream-failed', { reason, isPassing: true });

function readUsage(reply: { usage?: { prompt_tokens: number; completion_tokens: number } }) {
  if (!reply?.usage) return null;
  return { input_tokens: reply.usage.prompt_tokens, output_tokens: reply.usage.completion_tokens };
}

function readRefusal(status: number, rawHeaders: Buffer[]): Problem {
  const reason = `HTTP ${status}`;
  const { 'retry-after': given = '' } = util.parseHeaders(rawHeaders) as Record<string, string>;
  // Seconds, or a date.
  const seconds = /^\d/.test(given) ? Number(given) : (Date.parse(given) - Date.now()) / 1000;
  const retryAfter = Number.isNaN(seconds) ? undefined : seconds;
  const extras = { reason, isPassing: true, retryAfter };
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
