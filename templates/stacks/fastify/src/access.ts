import { createHash, timingSafeEqual } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problems.js';
import { listOf, type Settings } from './settings.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const SECONDS: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86_400 };

/** Who may call, and how often. Without API_KEYS everybody may. */
export async function createAccess(app: FastifyInstance, { API_KEYS, RATE_LIMIT }: Settings) {
  const hashes = listOf(API_KEYS).map((entry) =>
    /^sha256:/i.test(entry) ? Buffer.from(entry.slice(7), 'hex') : sha256(entry),
  );
  const [max = '0', unit = 'minute'] = RATE_LIMIT.split('/');
  const window = SECONDS[unit] as number;
  await app.register(rateLimit, { global: false, max: Number(max), timeWindow: window * 1000 });
  // Without keys the plugin counts by address; of IPv6, by the network that a caller has.
  const byKey = { keyGenerator: ({ exchange }: FastifyRequest) => `${exchange.keyId}` };
  const count = app.createRateLimit(hashes.length > 0 ? byKey : {});

  function authenticate({ headers, exchange }: FastifyRequest): void {
    if (hashes.length === 0) return;
    const hash = sha256(/^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '');
    // All of them, each in constant time: how long it takes says nothing about any key.
    if (hashes.filter((known) => timingSafeEqual(known, hash)).length === 0) {
      throw new Problem('unauthorized', 'Send Authorization: Bearer and a key of this server.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    exchange.keyId = hash.toString('hex', 0, 4);
  }

  /** Resolves with the headers that tell what is left. */
  async function limit(request: FastifyRequest): Promise<Record<string, string>> {
    const state = max === '0' ? undefined : await count(request);
    if (!state || state.isAllowed) return {};
    const headers = {
      'ratelimit-policy': `"default";q=${max};w=${window}`,
      ratelimit: `"default";r=${state.remaining};t=${state.ttlInSeconds}`,
    };
    if (!state.isExceeded) return headers;
    throw new Problem('rate-limited', `This server answers ${max} requests per ${unit}.`, {
      headers: { ...headers, 'retry-after': String(Math.max(1, state.ttlInSeconds)) },
    });
  }

  return { authenticate, limit };
}
