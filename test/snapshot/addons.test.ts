import { describe, expect, test } from 'vitest';
import { ADDONS } from '../../src/core/addons.ts';
import { render } from '../../src/core/render.ts';
import {
  languageOf,
  layoutOf,
  PACKAGE_MANAGERS,
  type PackageManager,
  STACKS,
  type StackName,
} from '../../src/core/stacks.ts';
import type { FileTree } from '../../src/core/tree.ts';
import { readAddon, readManifest, readProjectTemplate } from '../../src/effects/templates.ts';

const LANGUAGES = Object.keys(PACKAGE_MANAGERS);
/** What a folder of an add-on can be for. */
const FOLDERS = [
  'all',
  ...LANGUAGES,
  ...STACKS.map(({ name }) => name),
  ...Object.values(PACKAGE_MANAGERS).flat(),
  ...ADDONS.map((name) => `with-${name}`),
];

describe.each(ADDONS)('the add-on %s', (name) => {
  const { folders } = readAddon(name);
  const files = [...folders].flatMap(([folder, tree]) =>
    [...tree].map(([path, { text }]) => ({ path: `${folder}/${path}`, text })),
  );

  test('has folders that somebody looks into', () => {
    expect([...folders.keys()].filter((folder) => !FOLDERS.includes(folder))).toEqual([]);
  });

  test('prints facts in what it renders, and has no conditions', () => {
    const tags = files
      .filter(({ path }) => path.endsWith('.ejs'))
      .flatMap(({ text }) => [...text.matchAll(/<%[\s\S]*?%>/g)].map(([tag]) => tag));
    expect(
      tags.filter((tag) => !/^<%- (slug|startArgv|egress\(\)|commands\.[a-z]+) %>$/.test(tag)),
    ).toEqual([]);
  });

  test('has text files with one line end at the end', () => {
    expect(files.filter(({ text }) => /[\r\0]|[^\n]$|\n\n$/.test(text))).toEqual([]);
  });
});

const PROJECTS = STACKS.flatMap(({ name, language }) =>
  PACKAGE_MANAGERS[language].map((manager): [StackName, PackageManager] => [name, manager]),
);

describe.each(PROJECTS)('%s with %s and every add-on', async (stack, packageManager) => {
  const { commands } = await readManifest(stack);
  const files = await renderWith(
    ...ADDONS.filter((name) => readAddon(name).manifest.layouts.includes(layoutOf(stack))),
  );
  const read = (path: string): string => files.get(path)?.text ?? '';
  const python = languageOf(stack) === 'python';

  async function renderWith(...addons: readonly string[]): Promise<FileTree> {
    const baseUrl = 'https://api.openai.com/v1';
    const answers = { name: 'app', stack, addons, model: 'gpt-4o', baseUrl, packageManager };
    return render(answers, await readProjectTemplate(answers), '1.2.3');
  }

  test('the image starts what the stack starts, as nobody, without a shell', () => {
    const dockerfile = read('Dockerfile');
    expect(dockerfile).toContain(`\nCMD ${JSON.stringify(commands.start).replaceAll(',', ', ')}\n`);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK .*CMD \[/m);
    expect(read('.dockerignore').split('\n')).toContain('.env*');
  });

  test('the workflows run what the stack calls lint and test', () => {
    const expected = python
      ? [...commands.lint, commands.test].map((argv) => argv.join(' '))
      : ['lint', 'test', 'build'].map((script) => `${packageManager} run ${script}`);
    const runs = [...read('.github/workflows/ci.yml').matchAll(/^ {6}- run: (.*)$/gm)];
    expect(runs.map(([, command]) => command).slice(-expected.length)).toEqual(expected);
  });

  test('the workflows read, and what they use is pinned', () => {
    const workflows = [...files].filter(([path]) => path.startsWith('.github/workflows/'));
    expect(workflows.map(([path]) => path.split('/').at(-1))).toEqual(['ci.yml', 'image.yml']);
    for (const [, { text }] of workflows) {
      expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m);
      const uses = [...text.matchAll(/uses: (.*)/g)].map(([, what]) => what);
      expect(
        uses.filter((what) => !/^\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(what ?? '')),
      ).toEqual([]);
      expect(text).not.toMatch(/secrets\.|npm install --global [^\n@]*\n/);
    }
  });

  const testAsync = layoutOf(stack) === 'async' ? test : () => {};
  testAsync('compose starts a Redis where one is used', async () => {
    const host = /REDIS_URL: redis:\/\/([a-z]+):6379/.exec(read('compose.override.yaml'))?.[1];
    expect(read('compose.override.yaml')).toMatch(
      new RegExp(`^  ${host}:\n    image: redis:`, 'm'),
    );
    expect(read('compose.yaml')).toMatch(/^ {2}api:$/m);
    expect([...(await renderWith('redis')).keys()]).not.toContain('compose.override.yaml');
    const docker = [...(await renderWith('docker')).keys()];
    expect(docker.filter((path) => path.startsWith('compose'))).toEqual(['compose.yaml']);
  });

  test('without docker there is no image to build', async () => {
    expect([...(await renderWith('github-actions')).keys()]).not.toContain(
      '.github/workflows/image.yml',
    );
  });
});
