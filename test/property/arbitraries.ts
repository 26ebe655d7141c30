import fc from 'fast-check';
import { nameProblem, parseBaseUrl } from '../../src/core/answers.ts';
import type { CliError } from '../../src/core/errors.ts';

/** What ends a string, opens code, or looks like neither, in one of the languages we write. */
const PIECES = [
  ...[
    '"',
    "'",
    '`',
    '"""',
    "'''",
    '\\',
    '\\\\',
    '\\"',
    "\\'",
    '\\n',
    '\\u0041',
    '\\x41',
    '\\N{DASH}',
  ],
  ...['${', '}', '$(id)', '`id`', '$HOME', '%PATH%', '%s', '{{', '}}', '{x}', '!!', '!1'],
  ...[
    '<%',
    '%>',
    '<%= 1 %>',
    '<%- name %>',
    '-%>',
    '<!--',
    '-->',
    '<script>',
    '</b>',
    '&lt;',
    '&#60;',
  ],
  ...[
    '\n',
    '\r',
    '\r\n',
    '\t',
    '\v',
    '\f',
    '\b',
    '\\\n',
    '\u0000',
    '\u0001',
    '\u001b[31m',
    '\u007f',
  ],
  ...['\u0085', '\u00a0', '\u2028', '\u2029', '\ufeff', '\ufffe', '\u200b', '\u200f', '\u202e'],
  ...['é', 'e\u0301', 'ß', 'İ', 'א', 'ع', '项', '🚀', '👩\u200d💻', '\u{10ffff}', '\u{1d538}'],
  ...[
    '#',
    '# ',
    '//',
    '/*',
    '*/',
    '--',
    '- ',
    '+ ',
    '> ',
    '1. ',
    '==',
    '---',
    '[x](y)',
    '*a*',
    '_a_',
  ],
  ...[
    ' ',
    '  ',
    '~',
    '*',
    '?',
    '[',
    ']',
    '(',
    ')',
    '|',
    '&',
    ';',
    ':',
    ': ',
    '=',
    ',',
    '@',
    '^',
    '.',
  ],
  ...['a', 'Z', '0', 'EOF', 'import os', 'process.exit()', '__proto__', 'null', 'true'],
] as const;

const piece = fc.constantFrom<string>(...PIECES);
const character = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });

/** Any text that is Unicode, mostly of pieces that hurt. */
export const nastyText = fc.string({
  unit: fc.oneof({ weight: 4, arbitrary: piece }, { weight: 1, arbitrary: character }),
  maxLength: 12,
});

/** Any JavaScript string: halves of surrogate pairs too, which are no Unicode text. */
export const anyString = fc.string({
  unit: fc.oneof(
    piece,
    fc.integer({ min: 0xd800, max: 0xdfff }).map((c) => String.fromCharCode(c)),
  ),
  maxLength: 12,
});

/** A name that `create` accepts. */
export const acceptedName = fc
  .oneof(
    nastyText,
    fc.string({
      unit: fc.constantFrom(...PIECES.filter((text) => !nameProblem(`a${text}a`))),
      maxLength: 12,
    }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom(
      'fastapi',
      'Flask',
      'fastify',
      'express',
      'openai',
      'test',
      'src',
      'node_modules',
    ),
  )
  .filter((name) => nameProblem(name) === undefined);

/** A model that `create` accepts. */
export const acceptedModel = fc.stringMatching(/^[A-Za-z0-9._:/@+-]{1,128}$/);

/** What one might pass as a URL, much of it none. */
export const typedUrl = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('http://', 'https://', 'HTTP:', 'https:\\\\'),
      fc.oneof(
        {
          weight: 3,
          arbitrary: fc.constantFrom(
            'localhost:11434',
            'api.example.com',
            '[::1]:8080',
            'münchen.example',
          ),
        },
        { weight: 1, arbitrary: nastyText },
      ),
      fc.constantFrom('', '/', '/v1', '/v1/'),
      nastyText,
    )
    .map((parts) => parts.join('')),
  fc.webUrl({ withQueryParameters: false, withFragments: false }),
);

/** A URL that `create` accepts, as it keeps it. */
export const acceptedUrl = typedUrl.map(tryParseBaseUrl).filter((url) => url !== undefined);

export function tryParseBaseUrl(text: string): string | undefined {
  try {
    return parseBaseUrl(text);
  } catch (error) {
    if ((error as CliError).exitCode === 2) return undefined;
    throw error;
  }
}
