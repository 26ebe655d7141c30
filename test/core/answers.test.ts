import { describe, expect, test } from 'vitest';
import {
  nameProblem,
  parseBaseUrl,
  parseKey,
  parseModel,
  parseName,
  slugify,
} from '../../src/core/answers.ts';
import { CliError } from '../../src/core/errors.ts';

/** What a user is told: the sentence, the way out, and the exit code. */
function complaint(act: () => unknown): Pick<CliError, 'message' | 'hint' | 'exitCode'> {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { message: error.message, hint: error.hint, exitCode: error.exitCode };
  }
  throw new Error('nothing was complained about');
}

describe('names', () => {
  test.each([
    'my-llm-api',
    'My API',
    'a',
    'v1.2',
    '_private',
    'größe',
    '项目',
    'مشروع',
    '🚀',
    "it's",
    'a & b; c',
    '(x)[y]{z}',
    '~',
    '!!',
    '@scope',
    'a=b,c+d^e',
    'consul',
    'com10',
    'x'.repeat(214),
  ])('%s', (name) => {
    expect(parseName(name)).toBe(name);
  });

  test.each([
    ['', 'is empty'],
    ['   ', 'is empty'],
    ['a/b', 'has a path separator'],
    ['..\\up', 'has a path separator'],
    ['..', 'starts with a dot or a dash'],
    ['.hidden', 'starts with a dot or a dash'],
    ['-rf', 'starts with a dot or a dash'],
    [' lead', 'starts with a space, or ends with a space or a dot'],
    ['\u00a0lead', 'starts with a space, or ends with a space or a dot'],
    ['trail ', 'starts with a space, or ends with a space or a dot'],
    ['trail.', 'starts with a space, or ends with a space or a dot'],
    ['a\nb', 'has control or invisible characters'],
    ['a\0b', 'has control or invisible characters'],
    ['a\u001b[31mb', 'has control or invisible characters'],
    ['a\u009b31mb', 'has control or invisible characters'],
    ['a\u200bb', 'has control or invisible characters'],
    ['a\u2028b', 'has control or invisible characters'],
    ['a\u202eb', 'has control or invisible characters'],
    ['a\ufeffb', 'has control or invisible characters'],
    ['a\ud800b', 'has control or invisible characters'],
    ['a\ue000b', 'has control or invisible characters'],
    ['a\uffffb', 'has control or invisible characters'],
    ...[...'<>:"|?*$`%#'].map((character) => [`a${character}b`, `has the character ${character}`]),
    ['CON', 'is the name of a device on Windows'],
    ['nul.txt', 'is the name of a device on Windows'],
    ['Com1', 'is the name of a device on Windows'],
    ['lpt³', 'is the name of a device on Windows'],
    ['x'.repeat(215), 'is 215 bytes long (the limit is 214)'],
    ['ü'.repeat(108), 'is 216 bytes long (the limit is 214)'],
    ['项'.repeat(72), 'is 216 bytes long (the limit is 214)'],
    ['🚀'.repeat(54), 'is 216 bytes long (the limit is 214)'],
  ])('%j: %s', (name, problem) => {
    expect(nameProblem(name)).toBe(problem);
  });

  test('the complaint names the name, the problem and a way out', () => {
    expect(complaint(() => parseName('a/b'))).toEqual({
      message: 'The project name "a/b" has a path separator.',
      hint: 'Choose another directory name, for example my-llm-api.',
      exitCode: 2,
    });
  });

  test('what cannot be seen is shown by its number', () => {
    expect(complaint(() => parseName('a\u202e\u009bb\n')).message).toBe(
      'The project name "a\\u202e\\u009bb\\n" has control or invisible characters.',
    );
  });
});

describe('models', () => {
  test.each([
    'gpt-4o',
    'o3',
    'meta-llama/Llama-3.1-8B-Instruct',
    'llama3.2:3b',
    'ft:gpt-4o:org::id',
    '@cf/meta/llama-3',
    'x'.repeat(128),
  ])('%s', (model) => {
    expect(parseModel(model)).toBe(model);
  });

  test.each([
    '',
    ' gpt-4o',
    'gpt 4o',
    'gpt-4o\n',
    'a"b',
    "a'b",
    'a#b',
    '$(id)',
    'modèle',
    'x'.repeat(129),
  ])('not %j', (model) => {
    expect(complaint(() => parseModel(model))).toEqual({
      message: `The model name ${JSON.stringify(model)} is not one: 1 to 128 of letters, digits and . _ : / @ + -`,
      hint: 'For example: --model gpt-4o',
      exitCode: 2,
    });
  });
});

describe('base URLs', () => {
  test.each([
    ['https://api.openai.com/v1', 'https://api.openai.com/v1'],
    ['https://api.openai.com/v1/', 'https://api.openai.com/v1'],
    ['http://localhost:11434/v1//', 'http://localhost:11434/v1'],
    ['http://localhost', 'http://localhost'],
    ['http://[::1]:8080/v1', 'http://[::1]:8080/v1'],
    ['http://my_host.internal', 'http://my_host.internal'],
    ['HTTPS://API.Example.COM/V1', 'https://api.example.com/V1'],
    ['https://münchen.example/ü', 'https://xn--mnchen-3ya.example/%C3%BC'],
    ['  https://a.example/v1\n', 'https://a.example/v1'],
    // What a shell that sources .env, or a reader of it, would take for more than text.
    ["http://h/it's", 'http://h/it%27s'],
    ['http://h/a b"c`d', 'http://h/a%20b%22c%60d'],
    ['http://h/$(id);a&b|c!*', 'http://h/%24%28id%29%3Ba%26b%7Cc%21%2A'],
    ['http://h/~me:~you', 'http://h/~me:%7Eyou'],
    ['http://h/a{b}$', 'http://h/a%7Bb%7D%24'],
  ])('%s', (text, expected) => {
    expect(parseBaseUrl(text)).toBe(expected);
    expect(parseBaseUrl(expected)).toBe(expected);
  });

  const example = 'For example: --base-url https://api.openai.com/v1';
  test.each([
    ['', '--base-url is not a URL.', example],
    ['api.openai.com', '--base-url is not a URL.', example],
    ['sk-secret', '--base-url is not a URL.', example],
    ['http://h:99999', '--base-url is not a URL.', example],
    ['ftp://h/v1', '--base-url must start with http:// or https://, not ftp:', example],
    [
      'javascript:alert(1)',
      '--base-url must start with http:// or https://, not javascript:',
      example,
    ],
    [
      'https://user:secret@h/v1',
      '--base-url has a user name or password in it, which would be written into the project.',
      'Put the key into .env as OPENAI_API_KEY instead.',
    ],
    ['https://h/v1?key=secret', '--base-url has a query or a fragment.', example],
    ['https://h/v1#x', '--base-url has a query or a fragment.', example],
    ['https://h/v1?', '--base-url has a query or a fragment.', example],
    ['https://h/v1#', '--base-url has a query or a fragment.', example],
    ['http://$(id)/v1', '--base-url has a host name that no host has.', example],
    ['http://a"b`c/v1', '--base-url has a host name that no host has.', example],
    ["http://a'b/v1", '--base-url has a host name that no host has.', example],
    ['http://a;b&c/v1', '--base-url has a host name that no host has.', example],
    [`http://h/${'x'.repeat(512)}`, '--base-url is over 512 characters long.', example],
  ])('not %s', (text, message, hint) => {
    expect(complaint(() => parseBaseUrl(text))).toEqual({ message, hint, exitCode: 2 });
  });
});

describe('API keys', () => {
  test('a key', () => {
    expect(parseKey('sk-proj-Ab_12.x~y+z/=:@')).toBe('sk-proj-Ab_12.x~y+z/=:@');
  });

  test.each([
    ['', 'The key is empty.'],
    ['sk two', 'The key has characters that no API key has (spaces, quotes, line breaks?).'],
    ['sk\nEVIL=1', 'The key has characters that no API key has (spaces, quotes, line breaks?).'],
    ['"sk"', 'The key has characters that no API key has (spaces, quotes, line breaks?).'],
    ['sk#1', 'The key has characters that no API key has (spaces, quotes, line breaks?).'],
    ['$(id)', 'The key has characters that no API key has (spaces, quotes, line breaks?).'],
  ])('%j is refused and never repeated', (key, message) => {
    expect(complaint(() => parseKey(key))).toEqual({
      message,
      hint: 'Copy it again, or pass --no-key to use the mock.',
      exitCode: 2,
    });
  });
});

describe('package names', () => {
  test.each([
    ['my-llm-api', 'my-llm-api'],
    ['My LLM API', 'my-llm-api'],
    ['Größe & Café', 'gro-e-cafe'],
    ['@scope', 'scope'],
    ['v1.2_b', 'v1-2-b'],
    ['ﬁne', 'fine'],
    ['İstanbul', 'istanbul'],
    ['项目', 'llm-api-project'],
    ['🚀', 'llm-api-project'],
    ['!!', 'llm-api-project'],
    ['node_modules', 'node-modules'],
    ['favicon.ico', 'favicon-ico'],
    [`${'x'.repeat(99)}-y`, 'x'.repeat(99)],
    ['x'.repeat(200), 'x'.repeat(100)],
  ])('%s → %s', (name, slug) => {
    expect(slugify(name)).toBe(slug);
  });

  test('none of its own dependencies', () => {
    expect(slugify('Fastify', ['fastify', 'zod'])).toBe('fastify-project');
    expect(slugify('fastify-app', ['fastify', 'zod'])).toBe('fastify-app');
  });
});
