import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Exchange } from './exchange.js';
import { Problem } from './problems.js';
import type { Answer, GenerateBody, StreamEvent } from './schemas.js';
import type { Settings } from './settings.js';
import { createTransport } from './transport.js';
import { readUpstreamError } from './upstream-errors.js';

/** Seconds. Where the wait is longer, the caller hears so now and can come back. */
const MAX_RETRY_WAIT = 5;
const NO_KEY = 'This server has no key: set OPENAI_API_KEY.';

export type Upstream = ReturnType<typeof createUpstream>;

/** A stream whose first event is there: until then a failure can still be a status. */
export interface PrimedStream {
  readonly first: StreamEvent;
  readonly rest: AsyncIterable<StreamEvent>;
}

/** The model provider, as this server sees it: whole answers, streams, and problems. */
export function createUpstream(settings: Settings) {
  const transport = createTransport(settings);
  const { chat } = new OpenAI({
    apiKey: settings.OPENAI_API_KEY || 'none',
    baseURL: settings.OPENAI_BASE_URL,
    fetch: transport.fetch,
    timeout: settings.REQUEST_TIMEOUT * 1000,
    // The SDK would sleep where no signal reaches it, and log bodies when OPENAI_LOG says so.
    maxRetries: 0,
    logLevel: 'off',
  });

  const toCall = ({ prompt, system, model, temperature, max_tokens }: GenerateBody) => ({
    model: model ?? settings.LLM_MODEL,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content: prompt },
    ],
    max_completion_tokens: max_tokens ?? settings.MAX_OUTPUT_TOKENS,
    ...(temperature !== undefined && { temperature }),
  });
  const optionsOf = ({ id, signal }: Exchange) => ({ signal, headers: { 'X-Request-Id': id } });

  /** Tries until it works, the retries are used up, or a wait would outlive the request. */
  async function call<T>({ signal, endsAt }: Exchange, attempt: () => Promise<T>): Promise<T> {
    if (!settings.OPENAI_API_KEY) throw new Problem('upstream-misconfigured', NO_KEY);
    for (let retries = 0; ; retries += 1) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        const failure = readUpstreamError(error);
        const wait = retryWait(failure, retries) * 1000;
        const isLast = retries >= settings.MAX_RETRIES;
        if (isLast || performance.now() + wait >= endsAt) throw failure;
        await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  return {
    complete: (body: GenerateBody, exchange: Exchange): Promise<Answer> =>
      call(exchange, async () => {
        const request = toCall(body);
        const completion = await chat.completions.create(request, optionsOf(exchange));
        // Not every provider that calls itself compatible sends what the SDK's types promise.
        const choice = completion?.choices?.[0];
        const text: unknown = choice?.message?.content;
        if (typeof text !== 'string') throw new Problem('upstream-failed', 'It sent no text.');
        exchange.usage = readUsage(completion.usage);
        const finish_reason = choice?.finish_reason ?? null;
        const model = completion.model || request.model;
        return { text, model, finish_reason, usage: exchange.usage };
      }),

    stream: (body: GenerateBody, exchange: Exchange): Promise<PrimedStream> =>
      call(exchange, async () => {
        const request = toCall(body);
        const chunks = await chat.completions.create(
          { ...request, stream: true, stream_options: { include_usage: true } },
          optionsOf(exchange),
        );
        const rest = readEvents(chunks, request.model, exchange);
        // Always an event: readEvents ends with one, or throws.
        const first = (await rest.next()).value as StreamEvent;
        exchange.firstToken = performance.now() - exchange.startedAt;
        return { first, rest };
      }),

    close: () => transport.close(),
  };
}

async function* readEvents(
  chunks: AsyncIterable<OpenAI.ChatCompletionChunk>,
  requestedModel: string,
  exchange: Exchange,
): AsyncGenerator<StreamEvent, void> {
  let [model, finish_reason] = [requestedModel, null as string | null];
  try {
    for await (const chunk of chunks) {
      const choice = chunk?.choices?.[0];
      const text: unknown = choice?.delta?.content;
      if (text && typeof text === 'string') yield { text };
      finish_reason = choice?.finish_reason ?? finish_reason;
      model = chunk?.model || model;
      exchange.usage = readUsage(chunk?.usage) ?? exchange.usage;
    }
  } catch (error) {
    exchange.signal.throwIfAborted();
    throw readUpstreamError(error);
  }
  // The SDK's loop ends without a word when it is aborted, and when the provider hangs up.
  exchange.signal.throwIfAborted();
  if (!finish_reason) throw new Problem('upstream-truncated', 'The answer is not complete.');
  yield { finish_reason, model, usage: exchange.usage };
}

/** Seconds until the next try; Infinity where none helps, or none helps soon. */
function retryWait(failure: unknown, retries: number): number {
  const after = failure instanceof Problem ? failure.extras.retryAfter : undefined;
  if (after === 'soon') return 0.5 * 2 ** retries * (0.75 + Math.random() / 4);
  return after === undefined || after > MAX_RETRY_WAIT ? Number.POSITIVE_INFINITY : after;
}

function readUsage(usage: OpenAI.CompletionUsage | null | undefined): Answer['usage'] {
  if (!usage) return null;
  return { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens };
}
