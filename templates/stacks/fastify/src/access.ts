import { createHash, timingSafeEqual } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problems.js';
import { listOf, type Settings } from './settings.js';

/** Who may call, by Authorization. Without API_KEYS everybody may. */
export function createAuthenticate({ API_KEYS }: Settings) {
  const hashes = listOf(API_KEYS).map((entry) => {
    const [, hex] = /^sha256:(.+)$/.exec(entry) ?? [];
    return hex ? Buffer.from(hex, 'hex') : sha256(entry);
  });

  return async function authenticate({ headers, exchange }: FastifyRequest): Promise<void> {
    if (hashes.length === 0) return;
    const [, key = ''] = /^bearer +(.+)$/i.exec(headers.authorization ?? '') ?? [];
    const hash = sha256(key);
    // All of them, each in constant time: how long it takes says nothing about any key.
    if (!hashes.filter((known) => timingSafeEqual(known, hash)).length) {
      throw new Problem('unauthorized', 'Send Authorization: Bearer and a key of this server.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    exchange.keyId = hash.toString('hex', 0, 4);
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

const SECONDS: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86_400 };

/** Counts a request of this key, or of this address where there are no keys. */
export async function createLimit(app: FastifyInstance, { RATE_LIMIT, API_KEYS }: Settings) {
  const [max = 0, unit = 'minute'] = RATE_LIMIT.split('/');
  const window = SECONDS[unit] as number;
  await app.register(rateLimit, { global: false, max: Number(max), timeWindow: window * 1000 });
  // The plugin's own key is the address; of IPv6, the network that one caller has to himself.
  const count = app.createRateLimit(
    listOf(API_KEYS).length > 0 ? { keyGenerator: ({ exchange }) => `${exchange.keyId}` } : {},
  );

  /** @returns the headers that tell what is left */
  return async function limit(request: FastifyRequest): Promise<Record<string, string>> {
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
  };
}
