import type { FastifyReply } from 'fastify';
import { Problem } from './problems.js';

/** How long a request may live: everything that is done for it listens to this one signal. */
export interface Lifetime {
  /** Aborts with the reason: `ClientLeft`, or the problem to answer. */
  readonly signal: AbortSignal;
  /** When the deadline passes, as `Date.now()` counts. */
  readonly endsAt: number;
}

/** There is nobody left to answer. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/**
 * Starts the clock of a request. Not Fastify's `request.signal` or `handlerTimeout`: those abort as
 * soon as a POST body has been read, where "close" of the response tells when the client is gone.
 */
export function startLifetime({ raw }: FastifyReply, seconds: number): Lifetime {
  const controller = new AbortController();
  const late = new Problem('upstream-timeout', 'There was no complete answer in time.', {
    reason: 'REQUEST_TIMEOUT',
  });
  const timer = setTimeout(() => controller.abort(late), seconds * 1000);
  raw.once('close', () => {
    clearTimeout(timer);
    if (!raw.writableEnded) controller.abort(new ClientLeft());
  });
  return { signal: controller.signal, endsAt: Date.now() + seconds * 1000 };
}
