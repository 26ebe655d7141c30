import { DEFAULT_BASE_URL, DEFAULT_MODEL } from './defaults.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const ENVIRONMENTS = ['development', 'production'] as const;
/** The longest time that a Node timer takes is a few weeks; nobody waits for a token for a day. */
const MAX_SECONDS = 86_400;

/** What the environment says, checked. Times are seconds. */
export interface Settings {
  readonly openaiApiKey: string | undefined;
  readonly openaiBaseUrl: string;
  readonly model: string;
  /** What a request may name: always `model`, then ALLOWED_MODELS. */
  readonly allowedModels: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly environment: (typeof ENVIRONMENTS)[number];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly maxPromptChars: number;
  readonly maxBodyBytes: number;
  readonly maxOutputTokens: number;
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  readonly requestTimeout: number;
  readonly maxRetries: number;
  readonly drainTimeout: number;
}

/** Every mistake in the environment, one on each line. Never a value: it might be a secret. */
export class SettingsError extends Error {
  constructor(mistakes: readonly string[]) {
    super(['The environment is not usable:', ...mistakes.map((line) => `  ${line}`)].join('\n'));
  }
}

/**
 * Reads the settings from variables; an empty one counts as unset.
 * @throws SettingsError with all the mistakes at once
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const mistakes: string[] = [];

  function read<T>(name: string, fallback: T, expected: string, parse: (text: string) => T | null) {
    const text = env[name]?.trim();
    if (!text) return fallback;
    const value = parse(text);
    if (value === null) mistakes.push(`${name} must be ${expected}.`);
    return value ?? fallback;
  }

  const text = (name: string, fallback: string) => read(name, fallback, 'text', (value) => value);

  const oneOf = <T extends string>(name: string, fallback: T, choices: readonly T[]) =>
    read(name, fallback, `one of ${choices.join(', ')}`, (value) => {
      return choices.find((choice) => choice === value.toLowerCase()) ?? null;
    });

  const whole = (name: string, fallback: number, min: number, max?: number) => {
    const range = max === undefined ? `, at least ${min}` : ` from ${min} to ${max}`;
    return read(name, fallback, `a whole number${range}`, (value) => {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= (max ?? Number.MAX_SAFE_INTEGER) ? number : null;
    });
  };

  const seconds = (name: string, fallback: number) =>
    read(name, fallback, `seconds, more than 0 and at most ${MAX_SECONDS}`, (value) => {
      const number = /^\d*\.?\d+$/.test(value) ? Number(value) : 0;
      return number > 0 && number <= MAX_SECONDS ? number : null;
    });

  const model = text('LLM_MODEL', DEFAULT_MODEL);
  const settings: Settings = {
    openaiApiKey: read<string | undefined>(
      'OPENAI_API_KEY',
      undefined,
      'a key of visible ASCII characters',
      (value) => (/^[\x21-\x7e]+$/.test(value) ? value : null),
    ),
    openaiBaseUrl: read(
      'OPENAI_BASE_URL',
      DEFAULT_BASE_URL,
      'an http or https URL without user, query or fragment',
      parseBaseUrl,
    ),
    model,
    allowedModels: [...new Set([model, ...text('ALLOWED_MODELS', '').split(/[\s,]+/)])].filter(
      Boolean,
    ),
    host: text('HOST', '127.0.0.1'),
    port: whole('PORT', 8000, 1, 65_535),
    environment: oneOf('APP_ENV', 'development', ENVIRONMENTS),
    logLevel: oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
    maxPromptChars: whole('MAX_PROMPT_CHARS', 32_768, 1),
    maxBodyBytes: whole('MAX_BODY_BYTES', 1_048_576, 1),
    maxOutputTokens: whole('MAX_OUTPUT_TOKENS', 4096, 1),
    connectTimeout: seconds('CONNECT_TIMEOUT', 5),
    idleTimeout: seconds('IDLE_TIMEOUT', 60),
    requestTimeout: seconds('REQUEST_TIMEOUT', 120),
    maxRetries: whole('MAX_RETRIES', 2, 0, 10),
    drainTimeout: seconds('DRAIN_TIMEOUT', 30),
  };
  if (settings.environment === 'production' && !env.OPENAI_API_KEY?.trim()) {
    mistakes.push('OPENAI_API_KEY must be set when APP_ENV is production.');
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes);
  return settings;
}

function parseBaseUrl(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, username, password, search, hash } = new URL(text);
  const plain = !username && !password && !search && !hash;
  return plain && /^https?:$/.test(protocol) ? text.replace(/\/+$/, '') : null;
}
