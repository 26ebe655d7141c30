import OpenAI from 'openai';
import { Problem } from './problems.js';

/**
 * What a failed call means to our caller. An error that comes neither from the SDK nor from its
 * transport or a JSON parser is a bug of ours, and is given back as it is.
 */
export function readUpstreamError(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  if (error instanceof OpenAI.APIError && error.status !== undefined) {
    return readStatus(error.status, error.headers?.get('retry-after') ?? undefined);
  }
  if (error instanceof SyntaxError) return new Problem('upstream-failed', 'It sent no JSON.');
  const reason = readCode(error);
  if (error instanceof OpenAI.APIConnectionTimeoutError || reason?.includes('TIMEOUT')) {
    return new Problem('upstream-timeout', 'It was silent for too long.', { reason });
  }
  if (!(error instanceof OpenAI.APIError) && !reason) return error;
  const detail = 'The connection failed, or it reported an error.';
  return new Problem('upstream-failed', detail, { reason, retryAfter: 'soon' });
}

function readStatus(status: number, given: string | undefined): Problem {
  const [detail, reason] = [`It answered ${status}.`, `HTTP ${status}`];
  const retryAfter = readRetryAfter(given);
  if (status === 429) {
    const headers = given ? { 'retry-after': given } : undefined;
    return new Problem('upstream-rate-limited', detail, { reason, retryAfter, headers });
  }
  if (status >= 500 || status === 408 || status === 409) {
    return new Problem('upstream-failed', detail, { reason, retryAfter });
  }
  const hint = `${detail} Check this server's key, model and URL.`;
  return new Problem('upstream-misconfigured', hint, { reason });
}

/** Retry-After is in seconds, or a date. */
function readRetryAfter(given = ''): number | 'soon' {
  const date = (Date.parse(given) - Date.now()) / 1000;
  const seconds = /^[\d.]+$/.test(given) ? Number(given) : Math.max(0, date);
  return Number.isNaN(seconds) ? 'soon' : seconds;
}

/** A code such as ECONNREFUSED, from the error or from what caused it. Messages may quote bodies. */
function readCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : readCode(error.cause);
}
