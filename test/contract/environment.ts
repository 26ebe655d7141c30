import { createHash } from 'node:crypto';
import { FAULTS, spoilOf } from '../../src/mock/faults.ts';

/** Looked for in every answer, every log and every complaint: none may show up in any. */
export const KEY = 'sk-canary-3f9c1e7a';
export const PROMPT = 'canary-prompt-8d21b6';
/** What callers show. As API_KEYS they may be written plainly or hashed. */
export const CALLER_KEYS = ['caller-canary-5b0e91', 'caller-canary-c47d02'] as const;
/** Part of what the mock says, whatever it is asked. */
const COMPLETION = 'no model was asked';

export const MODEL = 'contract-model';
export const OTHER_MODEL = 'contract-other';
export const LIMITS = { promptChars: 100, bodyBytes: 4096, outputTokens: 64 } as const;
/** Seconds. */
export const TIMEOUTS = { connect: 1, idle: 2, request: 4 } as const;
export const RETRIES = 1;
/** Seconds: beyond what a request may take, so that a server that sleeps it is found out. */
export const RETRY_AFTER = 7;

/**
 * What every server is started with. Someone who points the suite at a server of their own starts
 * it with the same: README.md lists these. Simple stacks ignore what they do not know.
 */
export function serverEnvironment(upstream: string): Record<string, string> {
  return {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: upstream,
    LLM_MODEL: MODEL,
    ALLOWED_MODELS: `${MODEL},${OTHER_MODEL}`,
    MAX_PROMPT_CHARS: String(LIMITS.promptChars),
    MAX_BODY_BYTES: String(LIMITS.bodyBytes),
    MAX_OUTPUT_TOKENS: String(LIMITS.outputTokens),
    CONNECT_TIMEOUT: String(TIMEOUTS.connect),
    IDLE_TIMEOUT: String(TIMEOUTS.idle),
    REQUEST_TIMEOUT: String(TIMEOUTS.request),
    MAX_RETRIES: String(RETRIES),
    // The suite asks more often than a caller may.
    RATE_LIMIT: '0',
    // What should not be in a log is most likely to be in the wordiest one.
    LOG_LEVEL: 'debug',
  };
}

/** A key as it may stand in API_KEYS and never in a log. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

export function bearer(key: string): { Authorization: string } {
  return { Authorization: `Bearer ${key}` };
}

/** What an upstream says when it fails: words for operators of the upstream, not for callers. */
const UPSTREAM_WORDS: readonly string[] = FAULTS.flatMap(({ name }) => {
  const spoil = spoilOf(name);
  return 'error' in spoil ? [spoil.error.message] : [];
}).concat('<h1>');

const STACK_TRACE = [
  /Traceback \(most recent call last\)/,
  /^\s+at .+:\d+:\d+\)?$/m,
  /File ".+", line \d+/,
];

/** What `text` gives away that it must not; empty when it is clean. */
export function findLeaks(text: string): string[] {
  const secrets = [KEY, ...CALLER_KEYS, ...CALLER_KEYS.map(hashKey)];
  const words = [...secrets, PROMPT, COMPLETION, ...UPSTREAM_WORDS].filter((word) =>
    text.includes(word),
  );
  return [...words, ...STACK_TRACE.filter((trace) => trace.test(text)).map(String)];
}

/** This process's environment, without what would change a server or a project's own tests. */
export function cleanEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OURS.test(entry[0]),
  );
  return Object.fromEntries(entries);
}

const OURS =
  /^(OPENAI_.*|LLM_.*|MAX_.*|.*_TIMEOUT|ALLOWED_MODELS|API_KEYS|RATE_LIMIT|CORS_ORIGINS|TRUSTED_PROXIES|WORKERS|HOST|PORT|APP_ENV|LOG_LEVEL|NODE_ENV|NODE_OPTIONS|VITEST.*|TEST|CONTRACT_.*|VIRTUAL_ENV|PYTHONPATH|REDIS_.*|IDEMPOTENCY_TTL|CACHE_TTL|OTEL_.*|FLASK_.*|GUNICORN_.*|UVICORN_.*|WEB_CONCURRENCY)$/;
