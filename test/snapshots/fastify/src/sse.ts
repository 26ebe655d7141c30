import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import { reportProblem } from './errors.js';
import { ClientLeft } from './exchange.js';
import type { PrimedStream } from './upstream.js';

/** Milliseconds. Proxies close a connection on which nothing moves, many after 30 or 60 s. */
const PING_EVERY = 15_000;

/**
 * Writes a stream of events. It waits for a slow reader instead of buffering for it, and after a
 * failure says so in an event of its own: the status has long been sent.
 */
export async function sendEvents(reply: FastifyReply, { first, rest }: PrimedStream) {
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };
  const { raw, request } = reply.headers(headers).header('x-accel-buffering', 'no').hijack();
  const { id, signal } = request.exchange;
  raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
  const ping = setInterval(() => raw.write(': ping\n\n'), PING_EVERY);
  const send = (event: object) => {
    ping.refresh();
    return raw.write(`data: ${JSON.stringify(event)}\n\n`) || once(raw, 'drain', { signal });
  };
  try {
    await send(first);
    for await (const event of rest) await send(event);
    raw.end('data: [DONE]\n\n');
  } catch (error) {
    const reason = signal.aborted ? signal.reason : error;
    if (reason instanceof ClientLeft) return;
    const event = JSON.stringify({ error: reportProblem(request.exchange, reason).toBody(id) });
    // A reader too slow to take the answer in time would not take this event either.
    if (raw.writableNeedDrain) raw.destroy();
    else raw.end(`data: ${event}\n\n`);
  } finally {
    clearInterval(ping);
  }
}
