import { type Static, Type } from 'typebox';
import type { TLocalizedValidationError } from 'typebox/error';
import Value from 'typebox/value';
import { DEFAULT_BASE_URL, DEFAULT_MODEL } from './defaults.js';

const whole = (value: number, minimum = 1, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ default: value, minimum, maximum });

/** Above zero, and no longer than Node's timers take. */
const seconds = (value: number) =>
  Type.Number({ default: value, exclusiveMinimum: 0, maximum: 86_400 });

const Environment = Type.Object({
  OPENAI_API_KEY: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]+$' })),
  OPENAI_BASE_URL: Type.String({
    default: DEFAULT_BASE_URL,
    pattern: '^https?://[^\\s/?#@]+(/[^\\s?#]*)?$',
  }),
  LLM_MODEL: Type.String({ default: DEFAULT_MODEL }),
  ALLOWED_MODELS: Type.String({ default: '' }),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: whole(8000, 1, 65_535),
  APP_ENV: Type.Enum(['development', 'production'], { default: 'development' }),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
  }),
  MAX_PROMPT_CHARS: whole(32_768),
  MAX_BODY_BYTES: whole(1_048_576),
  MAX_OUTPUT_TOKENS: whole(4096),
  CONNECT_TIMEOUT: seconds(5),
  IDLE_TIMEOUT: seconds(60),
  REQUEST_TIMEOUT: seconds(120),
  MAX_RETRIES: whole(2, 0, 10),
  DRAIN_TIMEOUT: seconds(30),
});

/** The patterns in words. */
const PATTERNS: Readonly<Record<string, string>> = {
  OPENAI_API_KEY: 'must be visible ASCII characters',
  OPENAI_BASE_URL: 'must be an http or https URL without user, query or fragment',
};

/** The environment, checked, under the names it has outside. */
export type Settings = Readonly<Static<typeof Environment>>;

/** Every mistake at once, one on each line. Never a value: it might be a secret. */
export class SettingsError extends Error {}

/** @throws SettingsError unless every variable is usable; an empty one counts as unset */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const settings = Value.Default(Environment, {}) as Record<string, unknown>;
  const mistakes: string[] = [];
  for (const [name, schema] of Object.entries(Environment.properties)) {
    const text = env[name]?.trim();
    if (!text) continue;
    settings[name] = Type.IsNumber(schema) || Type.IsInteger(schema) ? Number(text) : text;
    const [mistake] = Value.Errors(schema, settings[name]);
    if (mistake) mistakes.push(`${name} ${explain(name, mistake)}`);
  }
  if (env.APP_ENV?.trim() === 'production' && !env.OPENAI_API_KEY?.trim()) {
    mistakes.push('OPENAI_API_KEY must be set when APP_ENV is production');
  }
  if (mistakes.length > 0) {
    throw new SettingsError(['The environment is not usable:', ...mistakes].join('\n  '));
  }
  return settings as Settings;
}

function explain(name: string, { keyword, params, message }: TLocalizedValidationError): string {
  if (keyword === 'enum') return `must be one of ${params.allowedValues.join(', ')}`;
  return (keyword === 'pattern' && PATTERNS[name]) || message;
}

/** What a request may name: LLM_MODEL, and ALLOWED_MODELS. */
export function allowedModels({ LLM_MODEL, ALLOWED_MODELS }: Settings): string[] {
  return [...new Set([LLM_MODEL, ...ALLOWED_MODELS.split(/[\s,]+/).filter(Boolean)])];
}
