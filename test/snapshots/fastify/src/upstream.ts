import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Lifetime } from './lifetime.js';
import { Problem } from './problems.js';
import type { Answer, StreamEvent } from './schemas.js';
import type { Settings } from './settings.js';
import { createTransport } from './transport.js';
import { readUpstreamError } from './upstream-errors.js';

/** Seconds. Where the wait is longer, the caller hears so now and can come back. */
const MAX_RETRY_WAIT = 5;

export type Upstream = ReturnType<typeof createUpstream>;
type ChatRequest = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'stream'>;

/** The model provider, as this server sees it: whole answers, streams, and problems. */
export function createUpstream(settings: Settings) {
  const transport = createTransport(settings);
  const { chat } = new OpenAI({
    apiKey: settings.OPENAI_API_KEY ?? 'none',
    baseURL: settings.OPENAI_BASE_URL,
    fetch: transport.fetch,
    timeout: settings.REQUEST_TIMEOUT * 1000,
    // The SDK would sleep where no signal reaches it, and log bodies when OPENAI_LOG says so.
    maxRetries: 0,
    logLevel: 'off',
  });

  /** Tries until it works, the retries are used up, or a wait would outlive the request. */
  async function call<T>({ signal, endsAt }: Lifetime, attempt: () => Promise<T>): Promise<T> {
    if (!settings.OPENAI_API_KEY) {
      throw new Problem('upstream-misconfigured', 'This server has no key: set OPENAI_API_KEY.');
    }
    for (let retries = 0; ; retries += 1) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        const failure = readUpstreamError(error);
        const wait = retryWait(failure, retries) * 1000;
        if (retries >= settings.MAX_RETRIES || Date.now() + wait >= endsAt) throw failure;
        await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  return {
    complete: (request: ChatRequest, lifetime: Lifetime): Promise<Answer> =>
      call(lifetime, async () => {
        const options = { signal: lifetime.signal };
        const completion = await chat.completions.create(request, options);
        // Not every provider that calls itself compatible sends what the SDK's types promise.
        const choice = completion?.choices?.[0];
        const text: unknown = choice?.message?.content;
        if (typeof text !== 'string') {
          throw new Problem('upstream-failed', 'The answer holds no text.', { reason: 'no text' });
        }
        return {
          text,
          model: completion.model || request.model,
          finish_reason: choice?.finish_reason ?? null,
          usage: readUsage(completion.usage),
        };
      }),

    /** Resolves with the first event: until then a failure can still be a status. */
    stream: (request: ChatRequest, lifetime: Lifetime): Promise<PrimedStream> =>
      call(lifetime, async () => {
        const chunks = await chat.completions.create(
          { ...request, stream: true, stream_options: { include_usage: true } },
          { signal: lifetime.signal },
        );
        const rest = readEvents(chunks, request.model, lifetime.signal);
        // Always an event: readEvents ends with one, or throws.
        return { first: (await rest.next()).value as StreamEvent, rest };
      }),

    close: () => transport.close(),
  };
}

export interface PrimedStream {
  readonly first: StreamEvent;
  readonly rest: AsyncIterable<StreamEvent>;
}

async function* readEvents(
  chunks: AsyncIterable<OpenAI.ChatCompletionChunk>,
  requestedModel: string,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent, void> {
  const end: Omit<Answer, 'text'> = { finish_reason: null, model: requestedModel, usage: null };
  try {
    for await (const chunk of chunks) {
      const choice = chunk?.choices?.[0];
      const text: unknown = choice?.delta?.content;
      if (text && typeof text === 'string') yield { text };
      end.finish_reason = choice?.finish_reason ?? end.finish_reason;
      end.model = chunk?.model || end.model;
      end.usage = readUsage(chunk?.usage) ?? end.usage;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw readUpstreamError(error);
  }
  // The SDK's loop ends without a word when it is aborted, and when the provider hangs up.
  signal.throwIfAborted();
  if (!end.finish_reason) {
    throw new Problem('upstream-truncated', 'The answer ended before it was complete.');
  }
  yield end;
}

/** Seconds until the next try; Infinity where none helps, or none helps soon. */
function retryWait(failure: unknown, retries: number): number {
  const after = failure instanceof Problem ? failure.extras.retryAfter : undefined;
  if (after === 'soon') return 0.5 * 2 ** retries * (0.75 + Math.random() / 4);
  return after === undefined || after > MAX_RETRY_WAIT ? Number.POSITIVE_INFINITY : after;
}

function readUsage(usage: OpenAI.CompletionUsage | null | undefined): Answer['usage'] {
  return usage
    ? { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens }
    : null;
}
