import { describe, expect, test } from 'vitest';
import { json, md, py, sh, toml, ts, UserText, yaml } from '../../src/core/escape.ts';

const NASTY = '"\\\n\u2028é🚀\'`${\u007f';

describe('one value in every language', () => {
  test.each([
    ['json', json, '"\\"\\\\\\n\\u2028\\u00e9\\ud83d\\ude80\'`${\\u007f"'],
    ['ts', ts, "'\"\\\\\\n\\u2028\\u00e9\\ud83d\\ude80\\'`${\\u007f'"],
    ['py', py, '"\\"\\\\\\n\\u2028\\u00e9\\U0001f680\'`${\\u007f"'],
    ['toml', toml, '"\\"\\\\\\n\\u2028\\u00e9\\U0001f680\'`${\\u007f"'],
    ['yaml', yaml, '"\\"\\\\\\n\\u2028\\u00e9\\U0001f680\'`${\\u007f"'],
    ['sh', sh, "'\"\\\n\u2028é🚀'\\''`${\u007f'"],
    ['md', md, '"\\\\ é🚀\'\\`$\\{\u007f'],
  ] as const)('%s', (_name, quote, expected) => {
    expect(quote(NASTY)).toBe(expected);
    expect(quote(new UserText(NASTY))).toBe(expected);
  });
});

test('ordinary text stays readable', () => {
  const url = 'https://api.openai.com/v1';
  expect([json(url), ts(url), py(url), toml(url), yaml(url), sh(url), md(url)]).toEqual([
    `"${url}"`,
    `'${url}'`,
    `"${url}"`,
    `"${url}"`,
    `"${url}"`,
    url,
    url,
  ]);
});

describe('toml', () => {
  test('an array, one item a line', () => {
    expect(toml(['flask>=3', 'a"b'])).toBe('[\n    "flask>=3",\n    "a\\"b",\n]');
  });

  test('no items', () => {
    expect(toml([])).toBe('[]');
  });
});

describe('sh', () => {
  test.each([
    ['', "''"],
    ['a b', "'a b'"],
    ['~', "'~'"],
    ['*', "'*'"],
    ['a\nb', "'a\nb'"],
    ["it's", "'it'\\''s'"],
    ['$(id)', "'$(id)'"],
    ['a=b', 'a=b'],
    ['größe', "'größe'"],
  ])('%j', (text, word) => {
    expect(sh(text)).toBe(word);
  });
});

describe('md', () => {
  test.each([
    ['# not a heading\nsecond', '# not a heading second'],
    ['<b>&amp;</b>', '&lt;b&gt;&amp;amp;&lt;/b&gt;'],
    ['[x](javascript:1)', '\\[x\\]\\(javascript:1\\)'],
    ['*a* _b_ ~~c~~ | d', '\\*a\\* \\_b\\_ \\~\\~c\\~\\~ \\| d'],
  ])('%j', (text, expected) => {
    expect(md(text)).toBe(expected);
  });
});

describe("a user's text without an escaper", () => {
  const text = new UserText('secret');

  test.each([
    ['in a template string', () => `${text}`],
    ['added to text', () => 'a'.concat(text as unknown as string)],
    ['as String()', () => String(text)],
    ['joined', () => [text].join('')],
  ])('throws %s', (_how, use) => {
    expect(use).toThrow('a value that a user typed reached a template without an escaper');
  });

  test('is not in its JSON', () => {
    expect(JSON.stringify({ text })).not.toContain('secret');
  });
});
