import { CliError } from '../core/errors.ts';
import { formatProblem, isProblem } from '../core/problem.ts';
import { parseEvents } from '../core/sse.ts';

/** What POST /generate takes. Simple stacks take the prompt alone. */
export interface GenerateRequest {
  readonly prompt: string;
  readonly system?: string;
  readonly model?: string;
  readonly max_tokens?: number;
  readonly temperature?: number;
}

/** Its answer. Simple stacks send the text alone. */
export interface GenerateAnswer {
  readonly text: string;
  readonly model?: string;
  readonly finish_reason?: string;
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number };
}

/** No server is running there: the commands know how to start one. */
export class NobodyListens extends CliError {
  constructor(url: string, cause: unknown) {
    super(`Nobody listens on ${url}.`, { cause });
  }
}

/** @throws CliError when nobody answers, or with an error */
export async function requestAnswer(
  url: string,
  request: GenerateRequest,
  signal?: AbortSignal,
): Promise<GenerateAnswer> {
  const response = await post(url, request, signal);
  const answer = (await readJson(response)) as GenerateAnswer | undefined;
  if (typeof answer?.text === 'string') return answer;
  throw strangeAnswer(url, response);
}

/**
 * The same as a stream: yields pieces of the text as they come, and returns the whole answer.
 * @throws CliError also when the stream reports an error or ends before its end
 */
export async function* requestStream(
  url: string,
  request: GenerateRequest,
  signal?: AbortSignal,
): AsyncGenerator<string, GenerateAnswer> {
  const response = await post(url, { ...request, stream: true }, signal);
  if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
    throw strangeAnswer(url, response);
  }
  const pieces: string[] = [];
  let last: Partial<GenerateAnswer> = {};
  for await (const data of parseEvents(readText(response.body))) {
    if (data === '[DONE]') return { text: pieces.join(''), ...last };
    const event = parseJson(data) as (Partial<GenerateAnswer> & { error?: unknown }) | undefined;
    if (!event) throw strangeAnswer(url, response);
    if (event.error !== undefined) throw fromProblem(event.error, url, response);
    if (event.text === undefined) last = event;
    else {
      pieces.push(event.text);
      yield event.text;
    }
  }
  throw new CliError('The answer broke off: the stream ended before its end.', {
    hint: `The server's log says why${requestId(response)}.`,
  });
}

async function post(
  url: string,
  body: GenerateRequest & { readonly stream?: true },
  signal: AbortSignal | undefined,
): Promise<Response> {
  const response = await fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  }).catch((error: Error) => {
    if (signal?.aborted) throw error;
    throw unreachable(url, error);
  });
  if (response.ok) return response;
  throw fromProblem(await readJson(response), url, response);
}

function fromProblem(value: unknown, url: string, response: Response): CliError {
  if (!isProblem(value)) return strangeAnswer(url, response);
  return new CliError(formatProblem(value, response.headers.get('retry-after')));
}

function strangeAnswer(url: string, { status }: Response): CliError {
  return new CliError(`${url} answered ${status}, but not as a server of ours does.`, {
    hint: 'Does another program listen there? Name the right address with --url.',
  });
}

function unreachable(url: string, error: Error): CliError {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return new NobodyListens(url, error);
  const why = code ?? (error.cause as Error | undefined)?.message ?? error.message;
  return new CliError(`${url} did not answer (${why}).`, { cause: error });
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return parseJson(await response.text());
  } catch {
    // A connection that broke: an answer that is none.
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* readText(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) yield decoder.decode(chunk, { stream: true });
  } catch {
    // A connection that breaks is a stream that ends before its end: said there.
  }
}

function requestId(response: Response): string {
  const id = response.headers.get('x-request-id');
  return id ? ` (request ${id})` : '';
}
