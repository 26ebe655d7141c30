import { hash, timingSafeEqual } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problems.js';
import type { Settings } from './settings.js';

const sha256 = (text: string) => hash('sha256', text, 'buffer');
const CHALLENGE = { 'www-authenticate': 'Bearer' };

/** Who may call, and how often. Without API_KEYS everybody may. */
export async function createAccess(app: FastifyInstance, settings: Settings) {
  const { API_KEYS, CORS_ORIGINS, RATE_LIMIT } = settings;
  const hashes = API_KEYS.map((entry) =>
    /^sha256:/i.test(entry) ? Buffer.from(entry.slice(7), 'hex') : sha256(entry),
  );
  const [max = '0', unit = 'minute'] = RATE_LIMIT.split('/');
  await app.register(rateLimit, { global: false, max: Number(max), timeWindow: `1 ${unit}` });
  // Without keys the plugin counts by address; of IPv6, by the network that a caller has.
  const byKey = { keyGenerator: ({ exchange }: FastifyRequest) => `${exchange.keyId}` };

  return {
    count: app.createRateLimit(hashes.length > 0 ? byKey : {}),

    authenticate({ headers, exchange }: FastifyRequest): void {
      if (hashes.length === 0) return;
      const given = sha256(/^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '');
      // All of them, each in constant time: how long it takes says nothing about any key.
      const found = hashes.filter((known) => timingSafeEqual(known, given));
      if (found.length === 0) throw new Problem('unauthorized', { headers: CHALLENGE });
      exchange.keyId = given.toString('hex', 0, 4);
    },

    /** Resolves with the headers that tell what is left. */
    async limit(request: FastifyRequest): Promise<Record<string, string>> {
      const state = max === '0' ? undefined : await this.count(request);
      if (!state || state.isAllowed) return {};
      const headers = {
        'ratelimit-policy': `"default";q=${max};w=${state.timeWindow / 1000}`,
        ratelimit: `"default";r=${state.remaining};t=${state.ttlInSeconds}`,
      };
      if (!state.isExceeded) return headers;
      const wait = { 'retry-after': `${state.ttlInSeconds}` };
      throw new Problem('rate-limited', { headers: { ...headers, ...wait } });
    },

    /** Browsers let any page open a WebSocket to any host, a developer's own included. */
    checkOrigin({ headers: { origin }, host }: FastifyRequest): void {
      if (origin === undefined || origin.replace(/^https?:\/\//, '') === host) return;
      const isKnown = CORS_ORIGINS.includes(origin) || CORS_ORIGINS.includes('*');
      if (!isKnown) throw new Problem('forbidden');
    },
  };
}
