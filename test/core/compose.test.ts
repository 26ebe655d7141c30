import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  composeEgress,
  composeEnvExample,
  composePackageJson,
  composePackageLock,
} from '../../src/core/compose.ts';

describe('.env.example', () => {
  const manifest = {
    env: [
      { name: 'OPENAI_API_KEY', value: '', comment: 'The key.' },
      { name: 'OPENAI_BASE_URL', value: 'ignored', comment: 'The API.' },
      { name: 'LLM_MODEL', value: '', comment: 'The model.' },
      { name: 'PORT', value: '8000', comment: '1 to 65535.' },
    ],
  };
  const text = composeEnvExample({ model: 'llama3.2:3b', baseUrl: 'http://h/it%27s' }, manifest);

  test('every variable with its comment, the answers in place', () => {
    expect(
      text,
    ).toBe(`# Copy to .env, and uncomment what you change. The real environment wins over this file.

# The key.
OPENAI_API_KEY=

# The API.
#OPENAI_BASE_URL=http://h/it%27s

# The model.
#LLM_MODEL=llama3.2:3b

# 1 to 65535.
#PORT=8000
`);
  });

  test('a copy of it decides nothing', () => {
    expect(parseEnv(text)).toEqual({ OPENAI_API_KEY: '' });
  });

  test('as its readers read it, uncommented', () => {
    expect(parseEnv(text.replace(/^#(?=\w+=)/gm, ''))).toEqual({
      OPENAI_API_KEY: '',
      OPENAI_BASE_URL: 'http://h/it%27s',
      LLM_MODEL: 'llama3.2:3b',
      PORT: '8000',
    });
  });

  test('a stack without those variables gets none', () => {
    const intro =
      '# Copy to .env, and uncomment what you change. The real environment wins over this file.\n';
    expect(composeEnvExample({ model: 'm', baseUrl: 'u' }, { env: [] })).toBe(intro);
  });
});

test.each([
  ['https://api.openai.com/v1', [], '[{ protocol: TCP, port: 443 }]'],
  ['http://models/v1', [], '[{ protocol: TCP, port: 80 }, { protocol: TCP, port: 443 }]'],
  ['http://[::1]:8080', [443], '[{ protocol: TCP, port: 443 }, { protocol: TCP, port: 8080 }]'],
  ['https://h/', [6379, 53], expect.stringMatching(/ 53 .* 443 .* 6379 /)],
])('the ports that %s and add-ons at %j are behind', (baseUrl, ports, expected) => {
  expect(composeEgress(baseUrl, ports)).toEqual(expected);
});

describe('package.json and its lock', () => {
  test('the name is the project’s, in its place; the rest stays', () => {
    expect(composePackageJson('{"private":true,"name":"template","scripts":{}}', 'mine')).toBe(
      '{\n  "private": true,\n  "name": "mine",\n  "scripts": {}\n}\n',
    );
  });

  test('the lock repeats it in both places', () => {
    const lock = (name: string) => ({
      name,
      version: '0.1.0',
      lockfileVersion: 3,
      packages: {
        '': { name, dependencies: { a: '1' } },
        'node_modules/a': { name: 'template', version: '1.0.0' },
      },
    });
    const text = JSON.stringify(lock('template'), null, 2);
    expect(composePackageLock(text, 'mine')).toBe(JSON.stringify(lock('mine'), null, 2));
  });

  test('a lock that npm did not write throws', () => {
    expect(() => composePackageLock('{"packages":{}}', 'mine')).toThrow('as npm writes it');
  });

  test('a template’s broken package.json throws', () => {
    expect(() => composePackageJson('{', 'mine')).toThrow(SyntaxError);
  });
});
