import OpenAI from 'openai';
import { Problem } from './problems.js';

/**
 * What a failed call means to our caller. An error that comes neither from the SDK nor from its
 * transport or a JSON parser is a bug of ours, and is given back as it is.
 */
export function readUpstreamError(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  if (error instanceof OpenAI.APIError && error.status !== undefined) {
    return readStatus(error.status, error.headers);
  }
  if (error instanceof SyntaxError) {
    return new Problem('upstream-failed', 'The answer is not JSON.', { reason: 'not JSON' });
  }
  const reason = readCode(error);
  if (error instanceof OpenAI.APIConnectionTimeoutError || reason?.includes('TIMEOUT')) {
    const detail = 'The model provider was silent for too long.';
    return new Problem('upstream-timeout', detail, { reason: reason ?? 'timeout' });
  }
  if (!(error instanceof OpenAI.APIError) && !reason) return error;
  return new Problem(
    'upstream-failed',
    'The connection failed, or the provider reported an error.',
    {
      reason: reason ?? 'error event',
      retryAfter: 'soon',
    },
  );
}

function readStatus(status: number, headers: Headers | undefined): Problem {
  const reason = `HTTP ${status}`;
  const given = headers?.get('retry-after');
  const retryAfter = given ? readRetryAfter(given) : 'soon';
  if (status === 429) {
    return new Problem('upstream-rate-limited', 'Try again later.', {
      reason,
      retryAfter,
      ...(given && { headers: { 'retry-after': given } }),
    });
  }
  if (status >= 500 || status === 408 || status === 409) {
    const detail = `The model provider answered ${status}.`;
    return new Problem('upstream-failed', detail, { reason, retryAfter });
  }
  const detail = `The model provider answered ${status}: check this server's key, model and URL.`;
  return new Problem('upstream-misconfigured', detail, { reason });
}

/** Retry-After is in seconds, or a date. */
function readRetryAfter(given: string): number | 'soon' {
  const date = (Date.parse(given) - Date.now()) / 1000;
  const seconds = /^[\d.]+$/.test(given) ? Number(given) : Math.max(0, date);
  return Number.isNaN(seconds) ? 'soon' : seconds;
}

/** A code such as ECONNREFUSED, from the error or from what caused it. Messages may quote bodies. */
function readCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : readCode(error.cause);
}
