import { expect } from 'vitest';
import { findLeaks } from './environment.ts';
import type { Answer } from './http.ts';

/** What every stack answers to a wrong request or a failing upstream, and its status. */
export const PROBLEMS = {
  'invalid-json': 400,
  'not-found': 404,
  'method-not-allowed': 405,
  'too-large': 413,
  'unsupported-media-type': 415,
  'invalid-request': 422,
  'upstream-rate-limited': 429,
  'upstream-misconfigured': 502,
  'upstream-failed': 502,
  'upstream-truncated': 502,
  'upstream-timeout': 504,
} as const;

/** What an async stack answers to protect itself. */
const GUARDS = {
  unauthorized: 401,
  forbidden: 403,
  'rate-limited': 429,
  overloaded: 503,
  draining: 503,
} as const;

/** What add-ons answer besides. */
const ADDED = { 'idempotency-key-reused': 422 } as const;

const STATUSES = { ...PROBLEMS, ...GUARDS, ...ADDED };

export type Slug = keyof typeof STATUSES;

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly request_id: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

export const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Checks a whole answer: status, headers, every member, and that it gives nothing away. */
export function expectProblem(answer: Answer, slug: Slug): Problem {
  expect(answer.text).toMatch(/^\{/);
  const problem = JSON.parse(answer.text) as Problem;
  checkProblem(problem, slug);
  expect(answer.status).toBe(STATUSES[slug]);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json(; charset=utf-8)?$/);
  expect(answer.headers['x-request-id']).toBe(problem.request_id);
  return problem;
}

/** Checks the members of a problem, wherever it was found. */
export function checkProblem(problem: Problem, slug: Slug): void {
  expect(problem).toEqual({
    type: `/problems/${slug}`,
    title: expect.stringMatching(/\S/),
    status: STATUSES[slug],
    detail: expect.stringMatching(/\S/),
    request_id: expect.stringMatching(REQUEST_ID),
    ...(slug === 'invalid-request' && {
      errors: expect.arrayContaining([
        { field: expect.any(String), message: expect.stringMatching(/\S/) },
      ]),
    }),
  });
  expect(findLeaks(JSON.stringify(problem))).toEqual([]);
}
