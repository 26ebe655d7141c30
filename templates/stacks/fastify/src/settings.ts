import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import Value from 'typebox/value';
import { DEFAULT_BASE_URL, DEFAULT_MODEL } from './defaults.js';

const whole = (value: number, minimum = 1, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ default: value, minimum, maximum });
/** Above zero, and no longer than Node's timers take. */
const seconds = (value: number) =>
  Type.Number({ default: value, exclusiveMinimum: 0, maximum: 86_400 });
const text = (value: string, isValid = (_given: string) => true, rule = '') =>
  Type.Refine(Type.String({ default: value }), isValid, () => `must be ${rule}`);
const list = (isValid: (entry: string) => boolean, rule: string) =>
  text('', (given) => listOf(given).every(isValid), rule);
const oneOf = (...values: [string, ...string[]]) => Type.Enum(values, { default: values[0] });

const isKey = (given: string) => /^[\x21-\x7e]*$/.test(given);
const isHashOrKey = (entry: string) => isKey(entry) && !/^sha256:(?![\da-f]{64}$)/i.test(entry);
const isUrl = (given: string) => /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(given);
const isOrigin = (entry: string) => /^(\*|https?:\/\/[^\s/?#@]+)$/.test(entry);
const isLimit = (given: string) => /^(0|[1-9]\d{0,8}\/(second|minute|hour|day))$/.test(given);

function isNetwork(entry: string): boolean {
  const [, address = '', bits = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  return isIP(address) > 0 && Number(bits) <= (isIP(address) === 4 ? 32 : 128);
}

const Environment = Type.Object({
  OPENAI_API_KEY: text('', isKey, 'visible ASCII characters'),
  OPENAI_BASE_URL: text(DEFAULT_BASE_URL, isUrl, 'an http or https URL without user or query'),
  LLM_MODEL: text(DEFAULT_MODEL),
  ALLOWED_MODELS: text(''),
  API_KEYS: list(isHashOrKey, 'keys of visible ASCII characters, or sha256: and 64 hex digits'),
  HOST: text('127.0.0.1'),
  PORT: whole(8000, 1, 65_535),
  APP_ENV: oneOf('development', 'production'),
  LOG_LEVEL: oneOf('info', 'debug', 'warning', 'error'),
  MAX_PROMPT_CHARS: whole(32_768),
  MAX_BODY_BYTES: whole(1_048_576),
  MAX_OUTPUT_TOKENS: whole(4096),
  MAX_CONCURRENCY: whole(256),
  MAX_QUEUE: whole(256, 0),
  QUEUE_TIMEOUT: seconds(10),
  RATE_LIMIT: text('60/minute', isLimit, '0, or a number per second, minute, hour or day'),
  CONNECT_TIMEOUT: seconds(5),
  IDLE_TIMEOUT: seconds(60),
  REQUEST_TIMEOUT: seconds(120),
  MAX_RETRIES: whole(2, 0, 100),
  DRAIN_TIMEOUT: seconds(30),
  CORS_ORIGINS: list(isOrigin, '* or origins such as https://app.example.com'),
  TRUSTED_PROXIES: list(isNetwork, 'addresses or networks such as 10.0.0.0/8'),
  WORKERS: whole(1, 1, 1024),
});

/** The environment, checked, under the names it has outside. */
export type Settings = Readonly<Static<typeof Environment>>;

/** Every mistake at once, one on each line. Never a value: it might be a secret. */
export class SettingsError extends Error {}

/** @throws SettingsError unless every variable is usable; an empty one counts as unset */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const settings = Value.Default(Environment, {}) as Settings & Record<string, unknown>;
  const mistakes: string[] = [];
  for (const [name, schema] of Object.entries(Environment.properties)) {
    const given = env[name]?.trim();
    if (!given) continue;
    const isNumber = Type.IsNumber(schema) || Type.IsInteger(schema);
    Object.assign(settings, { [name]: isNumber ? Number(given) : given });
    const [error] = Value.Errors(schema, settings[name]);
    const allowed = error?.keyword === 'enum' && error.params.allowedValues.join(', ');
    if (error) mistakes.push(`${name} ${allowed ? `must be one of ${allowed}` : error.message}`);
  }
  for (const name of ['API_KEYS', 'OPENAI_API_KEY'] as const) {
    if (settings.APP_ENV !== 'production' || listOf(settings[name]).length > 0) continue;
    mistakes.push(`${name} must be set when APP_ENV is production`);
  }
  if (mistakes.length === 0) return settings;
  throw new SettingsError(['The environment is not usable:', ...mistakes].join('\n  '));
}

/** The entries of a comma-separated list. */
export function listOf(value: string): string[] {
  return value.split(/[\s,]+/).filter(Boolean);
}

/** What a request may name: LLM_MODEL, and ALLOWED_MODELS. */
export function allowedModels({ LLM_MODEL, ALLOWED_MODELS }: Settings): string[] {
  return [...new Set([LLM_MODEL, ...listOf(ALLOWED_MODELS)])];
}
