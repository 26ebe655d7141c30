import { expect, test } from 'vitest';
import { allowedModels, readSettings } from '../src/settings.js';

test('an empty environment is enough to start', () => {
  expect(readSettings({})).toMatchObject({
    HOST: '127.0.0.1',
    PORT: 8000,
    APP_ENV: 'development',
    REQUEST_TIMEOUT: 120,
  });
});

test('an empty variable counts as unset', () => {
  expect(readSettings({ PORT: '', OPENAI_API_KEY: ' ' })).toEqual(readSettings({}));
});

test('all mistakes are told at once, each with its variable and without its value', () => {
  const env = {
    OPENAI_API_KEY: 'sk-secret with a space',
    OPENAI_BASE_URL: 'https://user:secret@localhost/v1',
    PORT: '65536',
    APP_ENV: 'staging',
    MAX_BODY_BYTES: 'many',
    IDLE_TIMEOUT: '0',
    REQUEST_TIMEOUT: 'soon',
    MAX_RETRIES: '1.5',
    API_KEYS: 'good,sha256:short',
    RATE_LIMIT: '60',
    CORS_ORIGINS: 'app.example.com',
    TRUSTED_PROXIES: '10.0.0.0/33',
  };

  expect(() => readSettings(env)).toThrowErrorMatchingInlineSnapshot(`
    [Error: The environment is not usable:
      OPENAI_API_KEY must be visible ASCII characters
      OPENAI_BASE_URL must be an http or https URL without user or query
      API_KEYS must be keys of visible ASCII characters, or sha256: and 64 hex digits
      PORT must be <= 65535
      APP_ENV must be one of development, production
      MAX_BODY_BYTES must be integer
      RATE_LIMIT must be 0, or a number per second, minute, hour or day
      IDLE_TIMEOUT must be > 0
      REQUEST_TIMEOUT must be number
      MAX_RETRIES must be integer
      CORS_ORIGINS must be * or origins such as https://app.example.com
      TRUSTED_PROXIES must be addresses or networks such as 10.0.0.0/8]
  `);
});

test('production needs keys of callers and a key of the provider', () => {
  expect(() => readSettings({ APP_ENV: 'production', API_KEYS: ' , ' })).toThrow(
    /API_KEYS must be set when .*\n {2}OPENAI_API_KEY must be set when APP_ENV is production/,
  );
});

test('a request may name LLM_MODEL and the ALLOWED_MODELS', () => {
  const settings = readSettings({ LLM_MODEL: 'a', ALLOWED_MODELS: 'b, c,a,' });

  expect(allowedModels(settings)).toEqual(['a', 'b', 'c']);
});
