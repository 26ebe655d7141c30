import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { Redis, type Result } from 'ioredis';
import type { Service } from './generate.js';
import { describeKeptAnswers, keepAnswers } from './kept-answers.js';
import { Problem } from './problems.js';
import { FORMATS, type Settings, VARIABLES } from './settings.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    countRequest(key: string, milliseconds: number): Result<[number, number], Context>;
    claim(key: string, claim: string, milliseconds: number): Result<string | null, Context>;
    whileMine(
      key: string,
      claim: string,
      ...command: (string | number)[]
    ): Result<unknown, Context>;
  }
}

/** Each is one step to everybody else. */
const SCRIPTS = {
  countRequest: `
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
    return {count, redis.call('PTTL', KEYS[1])}`,
  claim: `
    local found = redis.call('GET', KEYS[1])
    if not found then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
    return found`,
  // A Redis that was started again has forgotten whose it was: then it is nobody else's.
  whileMine: `
    local found = redis.call('GET', KEYS[1])
    if found and found ~= ARGV[1] then return false end
    return redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))`,
};

const ADDRESS = 'redis://host:port/number, or rediss:// with TLS';
Object.assign(FORMATS, { [ADDRESS]: isAddress });
Object.assign(VARIABLES, {
  REDIS_URL: { default: 'redis://127.0.0.1:6379/0', format: ADDRESS },
  REDIS_FAIL: { default: 'open', enum: ['open', 'closed'] },
  IDEMPOTENCY_TTL: { default: 86_400, type: 'integer', minimum: 1 },
  CACHE_TTL: { default: 0, type: 'integer', minimum: 0 },
});
export interface RedisSettings extends Settings {
  readonly REDIS_URL: string;
  readonly REDIS_FAIL: 'open' | 'closed';
  readonly IDEMPOTENCY_TTL: number;
  readonly CACHE_TTL: number;
}

/** What ioredis can read: it would throw what it cannot, password and all, or fail later. */
function isAddress(text: string): boolean {
  try {
    const { username, password } = new URL(text);
    decodeURIComponent(username + password);
    return /^rediss?:\/\/[^\s/?#]+(\/\d*)?$/.test(text);
  } catch {
    return false;
  }
}

/** Milliseconds that a command gets, and for which nothing is asked after one that failed. */
const PATIENCE = 250;

/** Redis, which may be away: nothing waits long for it, and nothing breaks without it. */
export class SharedState {
  #failedAt = Number.NEGATIVE_INFINITY;
  #isAway = false;
  /** Why there is no connection: a command only knows that there is none. */
  #cause: (Error & { code?: string }) | undefined;

  constructor(
    readonly redis: Redis,
    readonly log: FastifyBaseLogger,
    readonly settings: RedisSettings,
  ) {
    redis.on('error', (error) => {
      this.#cause = error;
    });
  }

  /** Undefined while Redis is away. */
  async try<T>(command: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    if (performance.now() - this.#failedAt < PATIENCE) return undefined;
    try {
      const answer = await inTime(command(this.redis));
      if (this.#isAway) this.log.warn('Redis answers again');
      this.#isAway = false;
      this.#cause = undefined;
      return answer;
    } catch (error) {
      this.#failedAt = performance.now();
      const reason = this.#cause?.message || this.#cause?.code || (error as Error).message;
      const { host, port } = this.redis.options;
      const away = `Redis does not answer at ${host}:${port}: ${this.#meanwhile} until it does`;
      if (!this.#isAway) this.log.warn({ reason }, away);
      this.#isAway = true;
      return undefined;
    }
  }

  /** As `try`, but where REDIS_FAIL is closed, nobody is served meanwhile. */
  async ask<T>(command: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    const answer = await this.try(command);
    if (answer !== undefined || this.settings.REDIS_FAIL === 'open') return answer;
    throw new Problem('overloaded', { reason: 'redis', headers: { 'retry-after': '1' } });
  }

  get #meanwhile(): string {
    return this.settings.REDIS_FAIL === 'open'
      ? 'each process counts for itself'
      : 'requests get 503';
  }
}

function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const tooLate = () => reject(new Error(`no answer within ${PATIENCE} ms`));
    // What has come by then is read first: a busy process is not a slow Redis.
    const timer = setTimeout(() => setImmediate(tooLate), PATIENCE);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** One limit for all processes and machines, and answers that outlive a request. */
export async function addRedis(app: FastifyInstance, service: Service): Promise<void> {
  const { access } = service;
  const settings = service.settings as RedisSettings;
  const redis = new Redis(settings.REDIS_URL, {
    scripts: Object.fromEntries(
      Object.entries(SCRIPTS).map(([name, lua]) => [name, { lua, numberOfKeys: 1 }]),
    ),
    // Who asks while it is away hears so at once, and nothing is said twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
    connectTimeout: 1000,
    // A connection may die without a word, and would take commands for many minutes.
    socketTimeout: 1000,
    retryStrategy: (times) => Math.min(50 * times, 500),
  });
  app.addHook('onClose', async () => redis.disconnect());
  const state = new SharedState(redis, app.log, settings);
  await Promise.race([redis.connect().catch(() => undefined), sleep(1000, null, { ref: false })]);
  await state.try((connected) => connected.ping());

  const countHere = access.count;
  access.count = async (request) => {
    // Counted here as well: while Redis is away, this goes on.
    const here = await countHere(request);
    if (here.isAllowed) return here;
    const key = `llm-api:rate:${sha256(here.key)}`;
    const counted = await state.ask((connected) => connected.countRequest(key, here.timeWindow));
    if (!counted) return here;
    const [count, ttl] = counted;
    const [remaining, ttlInSeconds] = [Math.max(0, here.max - count), Math.ceil(ttl / 1000)];
    return { ...here, remaining, ttl, ttlInSeconds, isExceeded: count > here.max };
  };
  keepAnswers(service, state);
  app.addHook('onRoute', describeKeptAnswers);
}
