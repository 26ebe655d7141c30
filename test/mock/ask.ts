import { onTestFinished } from 'vitest';
import { type Mock, type MockOptions, startMock } from '../../src/mock/index.ts';

/** A mock that ends with the test. */
export async function useMock(options?: MockOptions): Promise<Mock> {
  const mock = await startMock(options);
  onTestFinished(() => mock.close());
  return mock;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The connection broke, or the caller left, before the end. */
  readonly broke: boolean;
}

interface Question {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
  /** Leave once this has been read. */
  readonly until?: string;
}

/** Sends one request, and reads as much of the answer as comes. Text is sent as it is. */
export async function ask(
  { url }: Pick<Mock, 'url'>,
  path: string,
  body?: unknown,
  { method, headers = {}, signal, until }: Question = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  const { status } = response;
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (until && text.includes(until))
        return { status, headers: response.headers, text, broke: true };
    }
    return { status, headers: response.headers, text, broke: false };
  } catch {
    return { status, headers: response.headers, text, broke: true };
  }
}

/** A chat request, as small as one can be. */
export function chat(more: object = {}): object {
  return { model: 'gpt-4o', messages: [{ role: 'user', content: 'Good morning' }], ...more };
}

/** The data of each event; whatever is not JSON stays text. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into JSON of every shape
export function readEvents(text: string): any[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => parse(line.slice(6)));
}

/** The words of a chat stream. */
export function readWords(text: string): string {
  return readEvents(text)
    .map((event) => event.choices?.[0]?.delta?.content ?? '')
    .join('');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
