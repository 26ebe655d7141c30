import OpenAI from 'openai';
import { Problem } from './problems.js';

/** What the upstream did wrong, and when another try may go better. */
export class UpstreamProblem extends Problem {
  /** Seconds to wait before another try; undefined: our choice; Infinity: no try will help. */
  retryAfter: number | undefined = Number.POSITIVE_INFINITY;

  retry(after: number | undefined): this {
    this.retryAfter = after;
    return this;
  }
}

export function badAnswer(reason: string): UpstreamProblem {
  return new UpstreamProblem('upstream-failed', 'The answer could not be understood.', { reason });
}

export function truncated(): UpstreamProblem {
  return new UpstreamProblem('upstream-truncated', 'The answer ended before it was complete.');
}

export function missingKey(): UpstreamProblem {
  return new UpstreamProblem(
    'upstream-misconfigured',
    'This server has no key for its model provider: set OPENAI_API_KEY.',
    { reason: 'no OPENAI_API_KEY' },
  );
}

/**
 * What a failed call means to our caller. An error that does not come from the SDK, its transport
 * or a JSON parser is a bug of ours, and is given back as it is.
 */
export function readUpstreamError(error: unknown): unknown {
  if (error instanceof Problem) return error;
  if (error instanceof SyntaxError) return badAnswer('not JSON');
  if (error instanceof OpenAI.APIError && error.status !== undefined) {
    return readStatus(error.status, error.headers);
  }
  const reason = networkReason(error);
  if (error instanceof OpenAI.APIConnectionTimeoutError || /TIME(D_?)?OUT/.test(reason)) {
    return new UpstreamProblem('upstream-timeout', 'The model provider was silent for too long.', {
      reason,
    });
  }
  if (error instanceof OpenAI.APIError && !(error instanceof OpenAI.APIConnectionError)) {
    return new UpstreamProblem('upstream-failed', 'The model provider reported an error.', {
      reason: 'error event',
    }).retry(undefined);
  }
  if (!(error instanceof OpenAI.APIConnectionError) && !hasCode(error)) return error;
  return new UpstreamProblem('upstream-failed', 'The connection to the model provider failed.', {
    reason,
  }).retry(undefined);
}

function readStatus(status: number, headers: Headers | undefined): UpstreamProblem {
  const reason = `HTTP ${status}`;
  if (status === 429) {
    const given = headers?.get('retry-after');
    return new UpstreamProblem('upstream-rate-limited', 'Try again later.', {
      reason,
      ...(given && { headers: { 'retry-after': given } }),
    }).retry(readRetryAfter(headers));
  }
  if (status >= 500 || status === 408 || status === 409) {
    return new UpstreamProblem('upstream-failed', `The model provider answered ${status}.`, {
      reason,
    }).retry(readRetryAfter(headers));
  }
  if (status >= 400) {
    return new UpstreamProblem(
      'upstream-misconfigured',
      `The model provider answered ${status}: it rejects this server's key, model or parameters.`,
      { reason },
    );
  }
  return badAnswer(reason);
}

/** Seconds; undefined where the upstream does not say. */
function readRetryAfter(headers: Headers | undefined): number | undefined {
  const given = headers?.get('retry-after');
  if (!given) return undefined;
  const seconds = Number(given);
  const wait = Number.isNaN(seconds) ? (Date.parse(given) - Date.now()) / 1000 : seconds;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** A code such as ECONNREFUSED, from the error or what caused it. Messages are not for the log. */
function networkReason(error: unknown): string {
  if (hasCode(error)) return error.code;
  return error instanceof Error && error.cause ? networkReason(error.cause) : 'connection';
}

function hasCode(error: unknown): error is { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
