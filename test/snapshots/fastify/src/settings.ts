import { isIP } from 'node:net';
import { Ajv } from 'ajv';
import { DEFAULT_BASE_URL, DEFAULT_MODEL } from './defaults.js';

/** Formats of values, under names that say what is asked for. */
const URL = 'an http or https URL without user or query';
const LIMIT = '0, or a number/second, /minute, /hour or /day';
export const FORMATS = {
  'visible ASCII': /^[\x21-\x7e]*$/,
  'a key, or sha256: and 64 hex digits': /^(sha256:[\da-f]{64}|(?!sha256:)[\x21-\x7e]+)$/i,
  '* or an origin': /^(\*|https?:\/\/[^\s/?#@]+)$/,
  [URL]: /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
  [LIMIT]: /^(0|[1-9]\d{0,8}\/(second|minute|hour|day))$/,
  'an address or network'(text: string) {
    const [, address = '', bits = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    return isIP(address) > 0 && Number(bits) <= (isIP(address) === 4 ? 32 : 128);
  },
};
const NONE: readonly string[] = [];
const COUNT = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
/** No longer than Node's timers take. */
const SECONDS = { exclusiveMinimum: 0, maximum: 86_400 };

/** What is asked of each variable, as JSON Schema; of a list, of each of its entries. Add-ons add. */
export const VARIABLES = {
  OPENAI_API_KEY: { default: '', format: 'visible ASCII' },
  OPENAI_BASE_URL: { default: DEFAULT_BASE_URL, format: URL },
  LLM_MODEL: { default: DEFAULT_MODEL },
  ALLOWED_MODELS: { default: NONE },
  API_KEYS: { default: NONE, items: { format: 'a key, or sha256: and 64 hex digits' } },
  HOST: { default: '127.0.0.1' },
  PORT: { default: 8000, ...COUNT, maximum: 65_535 },
  APP_ENV: { default: 'development', enum: ['development', 'production'] },
  LOG_LEVEL: { default: 'info', enum: ['debug', 'info', 'warning', 'error'] },
  MAX_PROMPT_CHARS: { default: 32_768, ...COUNT },
  MAX_BODY_BYTES: { default: 1_048_576, ...COUNT },
  MAX_OUTPUT_TOKENS: { default: 4096, ...COUNT },
  MAX_CONCURRENCY: { default: 256, ...COUNT },
  MAX_QUEUE: { default: 256, ...COUNT, minimum: 0 },
  QUEUE_TIMEOUT: { default: 10, ...SECONDS },
  RATE_LIMIT: { default: '60/minute', format: LIMIT },
  CONNECT_TIMEOUT: { default: 5, ...SECONDS },
  IDLE_TIMEOUT: { default: 60, ...SECONDS },
  REQUEST_TIMEOUT: { default: 120, ...SECONDS },
  MAX_RETRIES: { default: 2, ...COUNT, minimum: 0, maximum: 100 },
  DRAIN_TIMEOUT: { default: 30, ...SECONDS },
  CORS_ORIGINS: { default: NONE, items: { format: '* or an origin' } },
  TRUSTED_PROXIES: { default: NONE, items: { format: 'an address or network' } },
  WORKERS: { default: 1, ...COUNT, maximum: 1024 },
};

/** The environment, checked, under the names it has outside. */
export type Settings = {
  readonly [Name in keyof typeof VARIABLES]: (typeof VARIABLES)[Name]['default'];
};

/**
 * What is set in none of the sources, or empty, has its default.
 * @throws SettingsError with every mistake, and never a value: it might be a secret
 */
export function readSettings(...sources: Readonly<Record<string, string | undefined>>[]): Settings {
  const given: Record<string, unknown> = {};
  const properties: Record<string, object> = {};
  for (const [name, rule] of Object.entries(VARIABLES)) {
    const isList = Array.isArray(rule.default);
    properties[name] = { type: isList ? 'array' : typeof rule.default, ...rule };
    const text = sources.map((source) => source[name]?.trim()).find(Boolean);
    if (text) given[name] = isList ? text.split(/[\s,]+/).filter(Boolean) : text;
  }
  const options = { allErrors: true, coerceTypes: true, useDefaults: true, strictTypes: false };
  // Not strict: a number without end, such as 1e999, is to meet the maximum.
  const ajv = new Ajv({ ...options, strictNumbers: false, formats: FORMATS });
  ajv.validate({ properties }, given);
  const mistakes = (ajv.errors ?? []).map(({ instancePath, message, params }) => {
    const allowed = params.allowedValues ? `: ${params.allowedValues.join(', ')}` : '';
    const words = message?.replace(/match format "(.*)"/, 'be $1');
    return `${instancePath.split('/')[1]} ${words}${allowed}`;
  });
  const settings = given as Settings;
  for (const name of ['API_KEYS', 'OPENAI_API_KEY'] as const) {
    if (settings.APP_ENV !== 'production' || settings[name].length > 0) continue;
    mistakes.push(`${name} must be set when APP_ENV is production`);
  }
  if (mistakes.length === 0) return settings;
  const message = ['The environment is not usable:', ...new Set(mistakes)].join('\n  ');
  throw Object.assign(new Error(message), { name: 'SettingsError' });
}
