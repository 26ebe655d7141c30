import { describe, expect, test } from 'vitest';
import {
  judgeSettings,
  listNames,
  nearestSetting,
  type SettingsFile,
} from '../../src/core/doctor-settings.ts';

const KNOWN = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'LLM_MODEL', 'API_KEYS', 'HOST', 'PORT'];

function judge(changes: Partial<SettingsFile>) {
  return judgeSettings({
    known: KNOWN,
    documented: [],
    names: ['LLM_MODEL'],
    anyCase: false,
    missing: [],
    production: false,
    hidden: [],
    copy: 'cp .env.example .env',
    ...changes,
  });
}

describe('.env', () => {
  test('with names that are settings is good', () => {
    expect(judge({})).toEqual({ verdict: 'good', text: '1 name in .env' });
  });

  test('with a name that looks like a setting is bad, and says which is meant', () => {
    expect(judge({ names: ['LLM_MODLE', 'PORT', 'API_KEY'] })).toEqual({
      verdict: 'bad',
      text: '.env has 2 names that no setting has',
      details: [
        'LLM_MODLE is no setting: did you mean LLM_MODEL?',
        'API_KEY is no setting: did you mean API_KEYS?',
      ],
      mend: 'In .env, write LLM_MODEL instead of LLM_MODLE',
    });
  });

  test.each([
    ['like no setting', { names: ['DATABASE_URL'] }],
    ['beside the setting it is like', { names: ['API_KEY', 'API_KEYS'] }],
  ])('with a name of its own, %s, says so and is good', (_what, changes) => {
    expect(judge(changes)).toMatchObject({
      verdict: 'good',
      details: [expect.stringMatching(/^(DATABASE_URL|API_KEY) is no setting of this server/)],
    });
  });

  test('with a name that .env.example explains says nothing', () => {
    const text = '# Mine\n#API_KEY=\nexport OTHER=1\n# A sentence.\n';
    expect(listNames(text)).toEqual(['API_KEY', 'OTHER']);
    expect(judge({ names: ['API_KEY'], documented: listNames(text) })).not.toHaveProperty(
      'details',
    );
  });

  test('in small letters is right for Python, and for nobody else', () => {
    expect(judge({ names: ['llm_model'], anyCase: true })).not.toHaveProperty('details');
    expect(judge({ names: ['llm_model'] })).toMatchObject({
      verdict: 'bad',
      mend: 'In .env, write LLM_MODEL instead of llm_model',
    });
  });

  test('that loses to the environment says so', () => {
    expect(judge({ hidden: ['OPENAI_BASE_URL'] })).toMatchObject({
      verdict: 'good',
      details: ['OPENAI_BASE_URL in the environment wins over the one in .env'],
    });
  });
});

describe('what production needs', () => {
  const missing = ['OPENAI_API_KEY', 'API_KEYS'];

  test('is bad to be without in production', () => {
    expect(judge({ missing, production: true })).toMatchObject({
      verdict: 'bad',
      text: 'APP_ENV is production, and OPENAI_API_KEY and API_KEYS are not set',
      mend: 'Set OPENAI_API_KEY and API_KEYS, in the environment or in .env',
    });
    expect(judge({ missing, production: true, names: undefined }).verdict).toBe('bad');
  });

  test('is told beforehand in development', () => {
    expect(judge({ missing })).toMatchObject({
      verdict: 'good',
      details: ['production also needs OPENAI_API_KEY and API_KEYS'],
    });
    expect(judge({ missing, names: undefined })).toMatchObject({
      verdict: 'skipped',
      mend: 'cp .env.example .env',
    });
  });
});

test.each([
  ['OPENAI_KEY', 'OPENAI_API_KEY'],
  ['BASE_URL', 'OPENAI_BASE_URL'],
  ['OPENAI_API_KYE', 'OPENAI_API_KEY'],
  ['MODEL', 'LLM_MODEL'],
  ['SMTP_PORT', undefined],
  ['DATABASE_URL', undefined],
])('%s is like %s', (name, meant) => {
  expect(nearestSetting(name, KNOWN)).toBe(meant);
});
