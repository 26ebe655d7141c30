import { Agent, request } from 'undici';
import type { Settings } from './settings.js';

/**
 * The SDK's `fetch`, over undici's `request`: the global one wraps every body in web streams, which
 * costs more than all the rest of a call. Idle means no headers, or no further byte; the clock
 * stands still while a slow reader holds the body back.
 */
export function createTransport(settings: Settings) {
  const idle = settings.IDLE_TIMEOUT * 1000;
  const dispatcher = new Agent({
    connect: { timeout: settings.CONNECT_TIMEOUT * 1000 },
    headersTimeout: idle,
    bodyTimeout: idle,
  });

  async function fetchOverUndici(url: string, init: RequestInit): Promise<Response> {
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      method: 'POST',
      headers: new Headers(init.headers),
      body: init.body as string,
      signal: init.signal,
    });
    // The part of a Response that the SDK reads. A Node stream is an async iterable, as it asks.
    return {
      url,
      ok: statusCode >= 200 && statusCode < 300,
      status: statusCode,
      headers: new Headers(headers as Record<string, string>),
      body,
      json: () => body.json(),
      text: () => body.text(),
    } as unknown as Response;
  }

  return { fetch: fetchOverUndici as typeof fetch, close: () => dispatcher.close() };
}
