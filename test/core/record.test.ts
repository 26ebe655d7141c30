import { describe, expect, test } from 'vitest';
import type { Answers } from '../../src/core/answers.ts';
import { CliError } from '../../src/core/errors.ts';
import {
  BASE_FILE,
  formatRecord,
  PROJECT_FILE,
  parseBase,
  parseProject,
} from '../../src/core/record.ts';
import { tree } from './trees.ts';

const answers: Answers = {
  name: 'My API',
  stack: 'fastify',
  addons: [],
  model: 'gpt-4o',
  baseUrl: 'https://api.openai.com/v1',
  packageManager: 'pnpm',
};
const base = tree({
  'src/app.ts': 'x\n',
  'run.sh': { text: '#!/bin/sh\n', mode: 0o755 },
  __proto__x: 'a\n',
  'name with "quotes".md': '\ud83d\ude80\r\n',
});
const files = formatRecord({ version: '1.2.3', answers }, base);
const textOf = (path: string): string => files.get(path)?.text ?? '';

function complaint(act: () => unknown): readonly (string | undefined)[] {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== 1) throw error;
    return [error.message, error.hint];
  }
  throw new Error('nothing was complained about');
}

describe('what was written is read back', () => {
  test('two files, below .llm-api', () => {
    expect([...files.keys()]).toEqual(['.llm-api/base.json', '.llm-api/project.json']);
  });

  test('version and answers', () => {
    expect(parseProject(textOf(PROJECT_FILE))).toEqual({ version: '1.2.3', answers });
  });

  test('files and modes', () => {
    expect(parseBase(textOf(BASE_FILE))).toEqual(base);
  });

  test('with the line ends of Windows', () => {
    expect(parseBase(textOf(BASE_FILE).replaceAll('\n', '\r\n'))).toEqual(base);
  });

  test('no key is in it, nor a place for one', () => {
    expect(Object.keys(JSON.parse(textOf(PROJECT_FILE)))).toEqual(['format', 'version', 'answers']);
    expect(Object.keys(JSON.parse(textOf(PROJECT_FILE)).answers)).toEqual(Object.keys(answers));
  });
});

const RESTORE = 'Was it edited by hand? Restore it from git.';
const NEWER = 'Run the newest version: npx -p create-llm-api@latest llm-api …';
const project = (change: object): string =>
  JSON.stringify({ format: 1, version: '1.2.3', answers: { ...answers, ...change } });

describe('a damaged project.json', () => {
  test.each([
    ['', 'is not JSON.', 'Restore it from git.'],
    ['{"format":1,', 'is not JSON.', 'Restore it from git.'],
    ['<<<<<<< HEAD\n{}', 'is not JSON.', 'Restore it from git.'],
    ['null', 'has a format that this version does not read.', NEWER],
    ['[]', 'has a format that this version does not read.', NEWER],
    ['{}', 'has a format that this version does not read.', NEWER],
    ['{"format":2}', 'has a format that this version does not read.', NEWER],
    ['{"format":1,"answers":null}', 'names no stack that this version knows.', RESTORE],
    [project({ stack: 'django' }), 'names no stack that this version knows.', RESTORE],
    ['{"format":1,"answers":{"stack":"flask"}}', 'has no usable "version".', RESTORE],
    [project({ name: undefined }), 'has no usable "name".', RESTORE],
    [project({ name: '../up' }), 'has no usable "name".', RESTORE],
    [project({ addons: 'redis' }), 'has no usable "addons".', RESTORE],
    [project({ addons: [1] }), 'has no usable "addons".', RESTORE],
    [project({ model: 42 }), 'has no usable "model".', RESTORE],
    [project({ model: 'a"b' }), 'has no usable "model".', RESTORE],
    [project({ baseUrl: 'nowhere' }), 'has no usable "baseUrl".', RESTORE],
    [project({ packageManager: 'uv' }), 'has no usable "packageManager".', RESTORE],
    [project({ packageManager: undefined }), 'has no usable "packageManager".', RESTORE],
  ])('%s', (text, problem, hint) => {
    expect(complaint(() => parseProject(text))).toEqual([`.llm-api/project.json ${problem}`, hint]);
  });
});

const baseOf = (path: string, file: unknown): string =>
  `{"format":1,"files":{${JSON.stringify(path)}:${JSON.stringify(file)}}}`;
const file = { text: 'x', mode: '644' };

describe('a damaged base.json', () => {
  test.each([
    ['', 'is not JSON.', 'Restore it from git.'],
    ['{"format":2}', 'has a format that this version does not read.', NEWER],
    ['{"format":1}', 'has no "files".', RESTORE],
    ['{"format":1,"files":[]}', 'has no "files".', RESTORE],
    [baseOf('a', null), 'has a file that cannot be: "a".', RESTORE],
    [baseOf('a', { text: 'x' }), 'has a file that cannot be: "a".', RESTORE],
    [baseOf('a', { mode: '644' }), 'has a file that cannot be: "a".', RESTORE],
    [baseOf('a', { text: 'x', mode: 420 }), 'has a file that cannot be: "a".', RESTORE],
    [baseOf('a', { text: 'x', mode: '888' }), 'has a file that cannot be: "a".', RESTORE],
    ...['../up', 'a/../../up', '/etc/passwd', 'a//b', './a', 'C:\\x', 'C:/x', 'a\\b', '', 'a/'].map(
      (path) => [
        baseOf(path, file),
        `has a file that cannot be: ${JSON.stringify(path)}.`,
        RESTORE,
      ],
    ),
  ])('%s', (text, problem, hint) => {
    expect(complaint(() => parseBase(text as string))).toEqual([
      `.llm-api/base.json ${problem}`,
      hint,
    ]);
  });

  test('a file called __proto__ is a file', () => {
    expect(parseBase('{"format":1,"files":{"__proto__":{"text":"x","mode":"644"}}}')).toEqual(
      new Map([['__proto__', { text: 'x', mode: 0o644 }]]),
    );
  });
});
