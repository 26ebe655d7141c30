import { expect } from 'vitest';
import type { Api } from '../contract/describe.ts';
import { findLeaks, MODEL, PROMPT } from '../contract/environment.ts';
import { type Answer, begin, type Call, type Sent, send } from '../contract/http.ts';

/** Those that the add-on openai-compat is made for. */
export const STACKS = { layout: 'async' } as const;

type Fields = Readonly<Record<string, unknown>>;

/** POST /v1/chat/completions; model and prompt are ours unless the fields have others. */
export function chat(fields: Fields = {}, headers: Sent['headers'] = {}): Sent {
  const messages = [{ role: 'user', content: PROMPT }];
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ model: MODEL, messages, ...fields }),
  };
}

/** The fields of a chat in which the user says this. */
export const say = (content: unknown) => ({ messages: [{ role: 'user', content }] });

export function complete(api: Api, ...asked: Parameters<typeof chat>): Promise<Answer> {
  return send(api.url, chat(...asked));
}

export function beginChat(api: Api, ...asked: Parameters<typeof chat>): Call {
  return begin(api.url, chat(...asked));
}

/** What a caller's mistake, or a failure, looks like to a client of OpenAI's API. */
export interface ApiError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}

/** The statuses at which OpenAI has a type of its own; it is the server's fault from 500 on. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  429: 'rate_limit_error',
};

/** Checks a whole answer: status, headers, every member, and that it gives nothing away. */
export function expectApiError(answer: Answer, status: number, code: string): ApiError {
  expect(answer.text).toMatch(/^\{/);
  const { error, ...rest } = JSON.parse(answer.text) as { error: ApiError };
  expect(rest).toEqual({});
  checkApiError(error, status, code);
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/json(; charset=utf-8)?$/);
  expect(answer.headers['x-request-id']).toMatch(/\S/);
  return error;
}

export function checkApiError(error: ApiError, status: number, code: string): void {
  const type = status >= 500 ? 'server_error' : (TYPES[status] ?? 'invalid_request_error');
  expect(error).toEqual({
    message: expect.stringMatching(/\S/),
    type,
    param: error.param === null ? null : expect.stringMatching(/\S/),
    code,
  });
  expect(findLeaks(JSON.stringify(error))).toEqual([]);
}
