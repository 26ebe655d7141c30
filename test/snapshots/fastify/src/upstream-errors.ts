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
  if (error instanceof SyntaxError) {
    return new Problem('upstream-failed', 'The answer is not JSON.', { reason: 'not JSON' });
  }
  const code = readCode(error);
  if (error instanceof OpenAI.APIConnectionTimeoutError || code?.includes('TIMEOUT')) {
    const detail = 'The model provider was silent for too long.';
    return new Problem('upstream-timeout', detail, { reason: code ?? 'timeout' });
  }
  if (!(error instanceof OpenAI.APIError) && !code) return error;
  const detail = 'The connection failed, or the provider reported an error.';
  const reason = code ?? 'error event';
  return new Problem('upstream-failed', detail, { reason, retryAfter: 'soon' });
}

function readStatus(status: number, given: string | undefined): Problem {
  const reason = `HTTP ${status}`;
  const retryAfter = readRetryAfter(given);
  const detail = `The model provider answered ${status}.`;
  if (status === 429) {
    const headers = given && { headers: { 'retry-after': given } };
    return new Problem('upstream-rate-limited', detail, { reason, retryAfter, ...headers });
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
