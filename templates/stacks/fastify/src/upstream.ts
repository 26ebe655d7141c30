import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Lifetime } from './lifetime.js';
import type { Answer, StreamEvent } from './schemas.js';
import type { Settings } from './settings.js';
import { createTransport } from './transport.js';
import {
  badAnswer,
  missingKey,
  readUpstreamError,
  truncated,
  UpstreamProblem,
} from './upstream-errors.js';

/** Seconds. For a longer wait the caller gets its answer now, and can come back. */
const MAX_RETRY_WAIT = 8;

type ChatRequest = Pick<
  OpenAI.ChatCompletionCreateParams,
  'messages' | 'model' | 'temperature' | 'max_completion_tokens'
>;

export interface Upstream {
  complete(request: ChatRequest, lifetime: Lifetime): Promise<Answer>;
  /** Resolves once the first event is here: until then a failure is still a status. */
  stream(request: ChatRequest, lifetime: Lifetime): Promise<PrimedStream>;
  close(): Promise<void>;
}

export interface PrimedStream {
  readonly first: StreamEvent;
  readonly rest: AsyncIterable<StreamEvent>;
}

export function createUpstream(settings: Settings): Upstream {
  const transport = createTransport(settings);
  const client = new OpenAI({
    apiKey: settings.openaiApiKey ?? 'none',
    baseURL: settings.openaiBaseUrl,
    fetch: transport.fetch,
    timeout: settings.requestTimeout * 1000,
    // The SDK sleeps where no signal reaches it, and logs bodies when OPENAI_LOG says so.
    maxRetries: 0,
    logLevel: 'off',
  });

  /** Calls until it works, the retries are used up, or waiting would outlive the request. */
  async function call<T>({ signal, endsAt }: Lifetime, attempt: () => Promise<T>): Promise<T> {
    if (!settings.openaiApiKey) throw missingKey();
    for (let retries = 0; ; retries += 1) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        const failure = readUpstreamError(error);
        const wait = retryWait(failure, retries);
        if (retries >= settings.maxRetries || Date.now() + wait >= endsAt) throw failure;
        await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  return {
    complete: (request, lifetime) =>
      call(lifetime, async () => {
        const options = { signal: lifetime.signal };
        const completion = await client.chat.completions.create(request, options);
        // Not every server that says it is compatible sends what the SDK's types promise.
        const choice = completion?.choices?.[0];
        const text: unknown = choice?.message?.content;
        if (typeof text !== 'string') throw badAnswer('no message content');
        return {
          text,
          model: completion.model || request.model,
          finish_reason: choice?.finish_reason ?? null,
          usage: readUsage(completion.usage),
        };
      }),

    stream: (request, lifetime) =>
      call(lifetime, async () => {
        const chunks = await client.chat.completions.create(
          { ...request, stream: true, stream_options: { include_usage: true } },
          { signal: lifetime.signal },
        );
        const events = readEvents(chunks, request.model, lifetime.signal);
        // Not undefined: readEvents ends with an event or throws.
        const first = (await events.next()).value as StreamEvent;
        return { first, rest: events };
      }),

    close: () => transport.close(),
  };
}

async function* readEvents(
  chunks: AsyncIterable<OpenAI.ChatCompletionChunk>,
  requestedModel: string,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent, void> {
  let model = requestedModel;
  let finishReason: string | undefined;
  let usage: Answer['usage'] = null;
  try {
    for await (const chunk of chunks) {
      const choice = chunk?.choices?.[0];
      const text: unknown = choice?.delta?.content;
      if (text && typeof text === 'string') yield { text };
      finishReason = choice?.finish_reason ?? finishReason;
      usage = readUsage(chunk?.usage) ?? usage;
      model = chunk?.model || model;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw readUpstreamError(error);
  }
  // The SDK ends its loop quietly when it is aborted, and when the upstream hangs up.
  signal.throwIfAborted();
  if (!finishReason) throw truncated();
  yield { finish_reason: finishReason, model, usage };
}

/** Milliseconds; Infinity where another try does not help, or not soon. */
function retryWait(failure: unknown, retries: number): number {
  if (!(failure instanceof UpstreamProblem)) return Number.POSITIVE_INFINITY;
  const { retryAfter = 0.5 * 2 ** retries * (0.75 + Math.random() / 4) } = failure;
  return retryAfter > MAX_RETRY_WAIT ? Number.POSITIVE_INFINITY : retryAfter * 1000;
}

function readUsage(usage: OpenAI.CompletionUsage | null | undefined): Answer['usage'] {
  if (!usage) return null;
  return { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens };
}
