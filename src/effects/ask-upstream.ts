import OpenAI, { APIConnectionError, APIError } from 'openai';
import { hideSecrets } from '../core/address.ts';
import { type Answers, DEFAULT_BASE_URL, DEFAULT_MODEL } from '../core/answers.ts';
import { CliError, type CliErrorOptions } from '../core/errors.ts';
import type { GenerateAnswer, GenerateRequest } from './generate-text.ts';
import type { Settings } from './settings.ts';

const TIMEOUT_MS = 120_000;
const LIST_TIMEOUT_MS = 5000;
const UNREACHABLE_HINT = 'Is OPENAI_BASE_URL right, and the network there?';

/** The upstream answered no, or not at all. */
export class UpstreamError extends CliError {
  readonly answer: number | 'unreachable' | 'unusable';

  constructor(message: string, answer: UpstreamError['answer'], options: CliErrorOptions) {
    super(message, options);
    this.answer = answer;
  }
}

/**
 * Asks the upstream without the server in between, with the settings that the server would use.
 * Streams, so that the answer is seen as it comes.
 *
 * @throws CliError with what the upstream says, but never the key
 */
export async function* askUpstream(
  request: GenerateRequest,
  settings: Settings,
  answers: Pick<Answers, 'model' | 'baseUrl'> | undefined,
): AsyncGenerator<string, GenerateAnswer> {
  const { client, baseURL, key } = createClient(settings, answers);
  const model = request.model ?? settings.get('LLM_MODEL') ?? answers?.model ?? DEFAULT_MODEL;
  try {
    return yield* stream(client, request, model);
  } catch (error) {
    throw describeError(error, { baseURL, model, key });
  }
}

export interface ModelList {
  /** What the upstream lists. */
  readonly listed: readonly string[];
  /** Those of the models asked for that it does not have, listed or not. */
  readonly unknown: readonly string[];
}

/**
 * Asks the upstream which models it has: it needs the key for that, and takes no money.
 *
 * @param models those that it ought to have
 * @throws UpstreamError with what the upstream says, but never the key; `signal`'s own reason
 */
export async function askModels(
  models: readonly string[],
  settings: Settings,
  answers: Pick<Answers, 'model' | 'baseUrl'>,
  signal: AbortSignal,
): Promise<ModelList> {
  const { client, baseURL, key } = createClient(settings, answers);
  const limit = AbortSignal.timeout(LIST_TIMEOUT_MS);
  const options = { signal: AbortSignal.any([signal, limit]) };
  try {
    const listed = readIds(await client.get('/models', options));
    const asked = models.filter((model) => !listed.includes(model));
    const known = await Promise.all(asked.map((model) => hasModel(client, model, options)));
    return { listed, unknown: asked.filter((_, index) => !known[index]) };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) {
      const seconds = LIST_TIMEOUT_MS / 1000;
      const message = `${hideSecrets(baseURL)} did not answer within ${seconds} s.`;
      throw new UpstreamError(message, 'unreachable', { hint: UNREACHABLE_HINT, cause: error });
    }
    throw describeError(error, { baseURL, model: models[0] ?? '', key });
  }
}

/** A list may leave out what can be used all the same: aliases, or models of your own. */
async function hasModel(
  client: OpenAI,
  model: string,
  options: { readonly signal: AbortSignal },
): Promise<boolean> {
  try {
    return (await client.models.retrieve(model, options)).id !== undefined;
  } catch (error) {
    if (error instanceof APIError && error.status !== undefined) return false;
    throw error;
  }
}

/** The client itself takes any page with 200 for an empty list. */
function readIds(body: unknown): readonly string[] {
  const { data } = (body ?? {}) as { readonly data?: unknown };
  if (!Array.isArray(data)) throw new SyntaxError('not a list of models');
  return data.flatMap((model: { readonly id?: unknown } | null) =>
    typeof model?.id === 'string' ? [model.id] : [],
  );
}

/** @throws CliError without a key */
function createClient(
  settings: Settings,
  answers: Pick<Answers, 'baseUrl'> | undefined,
): { readonly client: OpenAI; readonly baseURL: string; readonly key: string } {
  const key = settings.get('OPENAI_API_KEY');
  if (key === undefined) {
    throw new CliError('OPENAI_API_KEY is not set: without a key the upstream cannot be asked.', {
      hint: 'Put OPENAI_API_KEY=… into .env, or into the environment.',
    });
  }
  const baseURL = settings.get('OPENAI_BASE_URL') ?? answers?.baseUrl ?? DEFAULT_BASE_URL;
  if (!URL.canParse(baseURL)) {
    throw new CliError('OPENAI_BASE_URL is not a URL.', {
      hint: `It looks like ${DEFAULT_BASE_URL}, and usually ends in /v1.`,
    });
  }
  const options = { maxRetries: 0, timeout: TIMEOUT_MS, logLevel: 'off' } as const;
  return { client: new OpenAI({ apiKey: key, baseURL, ...options }), baseURL, key };
}

async function* stream(
  client: OpenAI,
  { prompt, system, max_tokens, temperature }: GenerateRequest,
  model: string,
): AsyncGenerator<string, GenerateAnswer> {
  // The client's own time limit ends with the headers; this one holds for the stream as well.
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const body = {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content: prompt },
    ],
    stream: true as const,
    stream_options: { include_usage: true },
    ...(max_tokens !== undefined && { max_completion_tokens: max_tokens }),
    ...(temperature !== undefined && { temperature }),
  };
  const chunks = await client.chat.completions.create(body, { signal: limit });
  const pieces: string[] = [];
  let end: Omit<GenerateAnswer, 'text'> = { model };
  for await (const { choices, usage, model: answering } of chunks) {
    const choice = choices?.[0];
    if (choice?.delta.content) {
      pieces.push(choice.delta.content);
      yield choice.delta.content;
    }
    if (choice?.finish_reason) {
      end = { ...end, model: answering, finish_reason: choice.finish_reason };
    }
    if (usage) {
      const { prompt_tokens: input_tokens, completion_tokens: output_tokens } = usage;
      end = { ...end, usage: { input_tokens, output_tokens } };
    }
  }
  if (end.finish_reason) return { text: pieces.join(''), ...end };
  throw new CliError(
    limit.aborted
      ? `The upstream did not end its answer within ${TIMEOUT_MS / 1000} s.`
      : 'The upstream broke off: its stream ended without a finish reason.',
  );
}

function describeError(
  error: unknown,
  { baseURL, model, key }: { baseURL: string; model: string; key: string },
): unknown {
  const where = hideSecrets(baseURL);
  if (error instanceof APIConnectionError) {
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
    return new UpstreamError(
      `${where} cannot be reached (${code ?? error.message}).`,
      'unreachable',
      { hint: UNREACHABLE_HINT, cause: error },
    );
  }
  // A connection that breaks within the stream comes as undici's own error.
  if (error instanceof TypeError) {
    return new CliError('The upstream broke off in the middle of its answer.', { cause: error });
  }
  if (error instanceof SyntaxError) {
    return new UpstreamError(`${where} answered with something that is not JSON.`, 'unusable', {
      hint: 'Is OPENAI_BASE_URL right? It usually ends in /v1.',
      cause: error,
    });
  }
  if (!(error instanceof APIError)) return error;
  const { status } = error;
  // Upstreams repeat the key in their words, whole or with its middle starred out.
  const words = error.message.replaceAll(key, '…').replace(/\bsk-[\w*.-]+/g, '…');
  return new UpstreamError(`${where} answered ${words}`, status ?? 'unusable', {
    hint: hintFor(status ?? 0)?.replace('MODEL', model),
  });
}

function hintFor(status: number): string | undefined {
  if (status >= 500) return 'The upstream itself fails: try again later.';
  return HINTS[status];
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'The upstream refuses the key: look at OPENAI_API_KEY.',
  403: 'The upstream refuses the key for this: look at OPENAI_API_KEY and the rights it has.',
  404: 'Does the upstream have the model MODEL (LLM_MODEL), and is OPENAI_BASE_URL right?',
  429: 'The key works; its limit or its credit is used up.',
};
