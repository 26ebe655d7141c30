import { expect, test } from 'vitest';
import { readSettings } from '../src/settings.js';

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
    [SettingsError: The environment is not usable:
      OPENAI_API_KEY must be visible ASCII
      OPENAI_BASE_URL must be an http or https URL without user or query
      API_KEYS must be a key, or sha256: and 64 hex digits
      PORT must be <= 65535
      APP_ENV must be equal to one of the allowed values: development, production
      MAX_BODY_BYTES must be integer
      RATE_LIMIT must be 0, or a number/second, /minute, /hour or /day
      IDLE_TIMEOUT must be > 0
      REQUEST_TIMEOUT must be number
      MAX_RETRIES must be integer
      CORS_ORIGINS must be * or an origin
      TRUSTED_PROXIES must be an address or network]
  `);
});

test('production needs keys of callers and a key of the provider', () => {
  expect(() => readSettings({ APP_ENV: 'production', API_KEYS: ' , ' })).toThrow(
    /API_KEYS must be set when .*\n {2}OPENAI_API_KEY must be set when APP_ENV is production/,
  );
});

test('a list is separated by commas, and the first source goes before the second', () => {
  const settings = readSettings({ ALLOWED_MODELS: 'b, c,' }, { ALLOWED_MODELS: 'd', PORT: '9' });

  expect(settings).toMatchObject({ ALLOWED_MODELS: ['b', 'c'], PORT: 9 });
});
