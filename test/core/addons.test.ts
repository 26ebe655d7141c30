import { describe, expect, test } from 'vitest';
import {
  type AddonManifest,
  type AddonName,
  type AddonTemplate,
  checkAddons,
  parseAddonManifest,
  parseAddonNames,
} from '../../src/core/addons.ts';
import type { Answers } from '../../src/core/answers.ts';
import { composeAddons } from '../../src/core/compose-addons.ts';
import { CliError } from '../../src/core/errors.ts';
import { render } from '../../src/core/render.ts';
import type { Language, StackTemplate } from '../../src/core/stacks.ts';
import { texts, tree } from './trees.ts';

const plain: AddonManifest = {
  title: 'T',
  summary: 'S',
  layouts: ['async', 'simple'],
  requires: [],
  excludes: [],
};
type Files = Readonly<Record<string, Readonly<Record<string, string>>>>;
const addon = (
  name: AddonName,
  manifest: Partial<AddonManifest> = {},
  folders: Files = {},
): AddonTemplate => ({
  name,
  manifest: { ...plain, ...manifest },
  folders: new Map(Object.entries(folders).map(([folder, files]) => [folder, tree(files)])),
});

const answers: Answers = {
  name: 'app',
  stack: 'express',
  addons: ['docker', 'github-actions'],
  model: 'gpt-4o',
  baseUrl: 'https://api.openai.com/v1',
  packageManager: 'npm',
};
const stack = (files: Readonly<Record<string, string>>, language: Language): StackTemplate => ({
  name: language === 'python' ? 'flask' : 'express',
  files: tree(files),
  manifest: {
    title: 'T',
    summary: 'S',
    layout: 'simple',
    language,
    commands: { dev: ['a'], start: ['b', 'c'], test: ['d'], lint: [['e']] },
    env: [{ name: 'PORT', value: '8000', comment: 'The port.' }],
    ...(language === 'python' && { dependencies: ['pydantic==1', 'pydantic-settings==1'] }),
  },
});

describe('names', () => {
  test('once each, in the order of the table', () => {
    expect(parseAddonNames(['github-actions', 'docker', 'docker'])).toEqual([
      'docker',
      'github-actions',
    ]);
  });

  test('one that there is not, with the nearest', () => {
    expect(() => parseAddonNames(['docke'])).toThrow(CliError);
    expect(() => parseAddonNames(['docke'])).toThrow('There is no add-on "docke".');
  });
});

describe('what goes together', () => {
  test.each([
    [
      'another layout',
      [addon('docker', { layouts: ['async'] })],
      'is for async projects (fastapi or fastify); flask is simple.',
    ],
    [
      'one that is needed',
      [addon('github-actions', { requires: ['docker'] })],
      'The add-on github-actions needs docker.',
    ],
    [
      'one that is excluded',
      [addon('docker', { excludes: ['github-actions'] }), addon('github-actions')],
      'The add-ons docker and github-actions exclude each other.',
    ],
  ])('%s is wrong usage', (_title, addons, words) => {
    expect(() => checkAddons('flask', addons)).toThrow(words);
  });

  test('what is needed and there', () => {
    checkAddons('flask', [addon('docker'), addon('github-actions', { requires: ['docker'] })]);
  });
});

describe('a damaged add-on', () => {
  test.each(['title', 'summary', 'layouts', 'requires', 'excludes'])('without %s', (key) => {
    const text = JSON.stringify({ ...plain, [key]: undefined });
    expect(() => parseAddonManifest('docker', text)).toThrow(`its addon.json has no "${key}"`);
  });
});

describe('composed with a stack', () => {
  const compose = (addons: readonly AddonTemplate[], files: Readonly<Record<string, string>>) =>
    texts(render(answers, composeAddons(stack(files, 'typescript'), addons, answers), '1.2.3'));

  test('folders for all, the language, the stack, the manager and what else is there', () => {
    const folders = ['all', 'typescript', 'express', 'npm', 'with-docker', 'python', 'pnpm'];
    const files = Object.fromEntries(
      folders.map((name) => [name, { [`${name}.txt`]: `${name}\n` }]),
    );
    const composed = compose([addon('docker'), addon('github-actions', {}, files)], { a: 'a\n' });
    expect(Object.keys(composed)).toEqual([
      '.env.example',
      'a',
      ...['all.txt', 'express.txt', 'npm.txt', 'typescript.txt', 'with-docker.txt'],
    ]);
  });

  test('files are rendered as those of a stack are', () => {
    const files = { all: { 'Dockerfile.ejs': 'CMD <%- startArgv %>\n' } };
    expect(compose([addon('docker', {}, files)], { a: 'a\n' })).toHaveProperty(
      'Dockerfile',
      'CMD ["b", "c"]\n',
    );
  });

  test('a file that is there already is a mistake of ours', () => {
    const twice = addon('docker', {}, { all: { a: 'b\n' } });
    expect(() => compose([twice], { a: 'a\n' })).toThrow(
      'the add-on docker brings a a second time',
    );
  });

  test('sections come before the last one of the README, and are no files', () => {
    const section = (name: string): Files => ({ all: { 'section.md': `## ${name}\n\ntext\n` } });
    const addons = [addon('docker', {}, section('D')), addon('github-actions', {}, section('G'))];
    const composed = compose(addons, { 'README.md': '# A\n\n## B\n\nb\n\n## C\n\nc\n' });
    expect(composed['README.md']).toBe(
      '# A\n\n## B\n\nb\n\n## D\n\ntext\n\n## G\n\ntext\n\n## C\n\nc\n',
    );
    expect(Object.keys(composed)).toEqual(['.env.example', 'README.md']);
  });

  test('variables come after those of the stack', () => {
    const env = [{ name: 'REDIS_URL', value: '', comment: 'Where Redis is.' }];
    const composed = compose([addon('docker', { env })], { a: 'a\n' });
    expect(composed['.env.example']).toMatch(/#PORT=8000\n\n# Where Redis is.\nREDIS_URL=\n$/);
  });

  test('ports that they call are known to what lets them out', () => {
    const files = { all: { 'ports.ejs': '<%- egress() %>\n' } };
    const addons = [addon('docker', {}, files), addon('github-actions', { egress: [6379] })];
    expect(compose(addons, { a: 'a\n' })).toHaveProperty(
      'ports',
      '[{ protocol: TCP, port: 443 }, { protocol: TCP, port: 6379 }]\n',
    );
  });

  test('dependencies and scripts go into package.json, dependencies by name', () => {
    const packages = {
      express: { dependencies: ['@a/b@1.0.0', 'm@2.0.0'], scripts: { extra: 'x' } },
    };
    const manifest = { name: 'x', scripts: { dev: 'd' }, dependencies: { a: '1', z: '1' } };
    const composed = compose([addon('docker', { packages })], {
      'package.json': JSON.stringify(manifest),
    });
    expect(JSON.parse(composed['package.json'] ?? '')).toMatchObject({
      scripts: { dev: 'd', extra: 'x' },
      dependencies: { '@a/b': '1.0.0', a: '1', m: '2.0.0', z: '1' },
    });
  });

  test('Python requirements by name: what the stack has keeps its order', () => {
    const packages = { flask: { dependencies: ['redis==1', 'alpha==1'] } };
    const composed = composeAddons(
      stack({ a: 'a\n' }, 'python'),
      [addon('docker', { packages })],
      answers,
    );
    expect(composed.manifest.dependencies).toEqual([
      'alpha==1',
      'pydantic==1',
      'pydantic-settings==1',
      'redis==1',
    ]);
  });

  test('nothing to add: the stack as it is', () => {
    const files = { 'package.json': '{"name":   "x"}\n', 'README.md': '# A\n' };
    const none = composeAddons(stack(files, 'typescript'), [], answers);
    expect(texts(none.files)).toEqual(files);
  });
});
