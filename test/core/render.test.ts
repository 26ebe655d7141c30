import { describe, expect, test } from 'vitest';
import type { Answers } from '../../src/core/answers.ts';
import { render } from '../../src/core/render.ts';
import type { StackTemplate } from '../../src/core/stacks.ts';
import type { FileEntry, FileTree } from '../../src/core/tree.ts';
import { texts, tree } from './trees.ts';

const answers: Answers = {
  name: 'My "API"',
  stack: 'fastify',
  addons: [],
  model: 'gpt-4o',
  baseUrl: 'https://api.openai.com/v1',
  packageManager: 'npm',
};

function template(files: Readonly<Record<string, string | FileEntry>>): StackTemplate {
  return {
    name: 'fastify',
    files: tree(files),
    manifest: {
      title: 'Fastify',
      summary: '',
      layout: 'async',
      language: 'typescript',
      commands: { dev: ['a'], start: ['b'], test: ['c'], lint: [['d']] },
      env: [{ name: 'LLM_MODEL', value: '', comment: 'The model.' }],
    },
  };
}

const renderFiles = (files: Readonly<Record<string, string | FileEntry>>): FileTree =>
  render(answers, template(files), '1.2.3');
const renderText = (text: string): string | undefined =>
  renderFiles({ 'a.txt.ejs': text }).get('a.txt')?.text;

describe('files', () => {
  test('only .ejs is rendered, the rest is copied byte for byte', () => {
    const copied = '<%= name %> {{ x }} ${\r\n\t';
    const files = renderFiles({ 'a.ts.ejs': '<%- ts(model) %>\n', 'b/c.ts': copied });
    expect(texts(files)).toMatchObject({ 'a.ts': "'gpt-4o'\n", 'b/c.ts': copied });
  });

  test('names that git would obey in a template get theirs', () => {
    expect([...renderFiles({ gitignore: 'dist/\n' }).keys()]).toEqual([
      '.env.example',
      '.gitignore',
    ]);
  });

  test('modes are kept, through rendering too', () => {
    const files = renderFiles({
      'a.sh': { text: '', mode: 0o755 },
      'b.sh.ejs': { text: '', mode: 0o755 },
      'c.md': '',
    });
    expect([...files.values()].map(({ mode }) => mode.toString(8))).toEqual([
      '644',
      '755',
      '755',
      '644',
    ]);
  });

  test('the lock is npm’s: other package managers make their own', () => {
    const files = {
      'package.json': '{"name":"t","dependencies":{"fastify":"5"}}',
      'package-lock.json': '{"name":"t","packages":{"":{"name":"t"}}}',
    };
    const paths = (packageManager: Answers['packageManager']) => [
      ...render({ ...answers, packageManager }, template(files), '1').keys(),
    ];
    expect(paths('npm')).toEqual(['.env.example', 'package-lock.json', 'package.json']);
    expect(paths('bun')).toEqual(['.env.example', 'package.json']);
  });

  test('pnpm is told which install scripts not to run: it fails where it has to guess', () => {
    const files = template({ 'package.json': '{"name":"t","allowScripts":{"esbuild":false}}' });
    const rendered = render({ ...answers, packageManager: 'pnpm' }, files, '1');
    expect(rendered.get('pnpm-workspace.yaml')?.text).toBe(
      'packages:\n  - .\nallowBuilds:\n  esbuild: false\n',
    );
  });

  test('yarn makes node_modules, and its own state is not committed', () => {
    const files = template({ 'package.json': '{"name":"t"}', gitignore: 'dist/\n' });
    const rendered = render({ ...answers, packageManager: 'yarn' }, files, '1');
    expect(texts(rendered)).toMatchObject({
      '.yarnrc.yml': 'nodeLinker: node-modules\n',
      '.gitignore': 'dist/\n.yarn/install-state.gz\n',
    });
  });

  test('a project called like its dependency gets another package name', () => {
    const files = template({ 'package.json': '{"name":"t","dependencies":{"fastify":"5"}}' });
    const rendered = render({ ...answers, name: 'Fastify' }, files, '1');
    expect(JSON.parse(rendered.get('package.json')?.text ?? '').name).toBe('fastify-project');
  });

  test('the same answers give the same bytes, in the order of the paths', () => {
    const [one, two] = [renderFiles({ z: '1', a: '2' }), renderFiles({ a: '2', z: '1' })];
    expect(JSON.stringify([...one])).toBe(JSON.stringify([...two]));
  });
});

describe('what a template sees', () => {
  test.each([
    ['<%- md(name) %>', 'My "API"'],
    ['<%- json(name) %>', '"My \\"API\\""'],
    ['<%= slug %>', 'my-api'],
    ['<%= version %>', '1.2.3'],
    ['<%= packageManager %>', 'npm'],
    ['<%= commands.dev %>', 'npm run dev'],
    ['<%= toolDev %>', 'npx -p create-llm-api@1.2.3 llm-api dev'],
    ['<%= commands.install %>', 'npm ci --no-audit --no-fund'],
    ["<%= 'a < b & c' %>", 'a < b & c'],
  ])('%s', (text, expected) => {
    expect(renderText(text)).toBe(expected);
  });
});

describe('what does not render throws, and names the file', () => {
  test.each([
    ['an unknown variable', '<%= nope %>', 'nope is not defined'],
    ['an unknown part of a known one', '<%= commands.nope %>', 'a value is missing'],
    ['a name without an escaper', '<%= name %>', 'without an escaper'],
    ['a name written raw', '<%- name %>', 'without an escaper'],
    ['a name inside of text', `<%- \`# \${name}\` %>`, 'without an escaper'],
    ['a tag without its end', '<% if (true) {', 'Could not find matching close tag'],
    ['code that is none', '<% if ( %>', 'a.txt.ejs'],
  ])('%s', (_title, text, problem) => {
    expect(() => renderText(text)).toThrow('the template a.txt.ejs does not render: ');
    expect(() => renderText(text)).toThrow(problem);
  });

  test('an empty folder', () => {
    expect(() => renderFiles({})).toThrow('the template fastify has no files');
  });
});
