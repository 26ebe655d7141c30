import { Agent, request } from 'undici';
import type { Settings } from './settings.js';

/**
 * The SDK's `fetch`, over undici's `request`: the global one wraps every body in web streams, which
 * costs more than all the rest of a call. Idle means no headers, or no further byte; the clock
 * stands still while a slow reader holds the body back.
 */
export function createTransport(settings: Settings) {
  const idle = settings.IDLE_TIMEOUT * 1000;
  const connect = { timeout: settings.CONNECT_TIMEOUT * 1000 };
  const dispatcher = new Agent({ connect, headersTimeout: idle, bodyTimeout: idle });

  async function fetchOverUndici(url: string, init: RequestInit): Promise<Response> {
    const {
      statusCode: status,
      headers: received,
      body,
    } = await request(url, {
      dispatcher,
      method: 'POST',
      headers: new Headers(init.headers),
      body: init.body as string,
      signal: init.signal,
    });
    const headers = new Headers(received as Record<string, string>);
    const [ok, json, text] = [status >= 200 && status < 300, () => body.json(), () => body.text()];
    // The part of a Response that the SDK reads. A Node stream is an async iterable, as it asks.
    return { url, ok, status, headers, body, json, text } as unknown as Response;
  }

  return { fetch: fetchOverUndici as typeof fetch, close: () => dispatcher.close() };
}
