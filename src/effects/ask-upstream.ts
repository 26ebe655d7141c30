import OpenAI, { APIConnectionError, APIError } from 'openai';
import { type Answers, DEFAULT_BASE_URL, DEFAULT_MODEL } from '../core/answers.ts';
import { CliError } from '../core/errors.ts';
import type { GenerateAnswer, GenerateRequest } from './generate-text.ts';
import type { Settings } from './settings.ts';

const TIMEOUT_MS = 120_000;

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
  const key = settings.get('OPENAI_API_KEY');
  if (key === undefined) {
    throw new CliError('OPENAI_API_KEY is not set: without a key the upstream cannot be asked.', {
      hint: 'Put OPENAI_API_KEY=… into .env, or into the environment.',
    });
  }
  const baseURL = settings.get('OPENAI_BASE_URL') ?? answers?.baseUrl ?? DEFAULT_BASE_URL;
  const model = request.model ?? settings.get('LLM_MODEL') ?? answers?.model ?? DEFAULT_MODEL;
  try {
    return yield* stream(
      new OpenAI({ apiKey: key, baseURL, maxRetries: 0, timeout: TIMEOUT_MS, logLevel: 'off' }),
      request,
      model,
    );
  } catch (error) {
    throw describeError(error, { baseURL, model, key });
  }
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
  if (error instanceof APIConnectionError) {
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
    return new CliError(`${baseURL} cannot be reached (${code ?? error.message}).`, {
      hint: 'Is OPENAI_BASE_URL right, and the network there?',
      cause: error,
    });
  }
  // A connection that breaks within the stream comes as undici's own error.
  if (error instanceof TypeError) {
    return new CliError('The upstream broke off in the middle of its answer.', { cause: error });
  }
  if (error instanceof SyntaxError) {
    return new CliError(`${baseURL} answered with something that is not JSON.`, {
      hint: 'Is OPENAI_BASE_URL right? It usually ends in /v1.',
      cause: error,
    });
  }
  if (!(error instanceof APIError)) return error;
  const { status } = error;
  // Upstreams repeat the key in their words, whole or with its middle starred out.
  const words = error.message.replaceAll(key, '…').replace(/\bsk-[\w*.-]+/g, '…');
  return new CliError(`${baseURL} answered ${words}`, {
    hint: HINTS[status ?? 0]?.replace('MODEL', model),
  });
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'The upstream refuses the key: look at OPENAI_API_KEY.',
  403: 'The upstream refuses the key for this: look at OPENAI_API_KEY and the rights it has.',
  404: 'Does the upstream have the model MODEL (LLM_MODEL), and is OPENAI_BASE_URL right?',
  429: 'The key works; its limit or its credit is used up.',
};
