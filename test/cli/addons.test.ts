import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, type Outcome, runCli } from '../harness/cli.ts';
import {
  commitAll,
  createProject,
  editFiles,
  makeOlder,
  readTree,
} from '../harness/older-project.ts';

const tool = (cwd: string, ...args: readonly string[]): Promise<Outcome> =>
  runCli('llm-api', args, { cwd });

const makeFlask = async (...flags: readonly string[]): Promise<string> =>
  createProject(await makeFolder(), 'flask', '-p', 'pip', ...flags);

const INSTALL =
  'python3 -m venv .venv && .venv/bin/python -m pip install --disable-pip-version-check ' +
  '--require-hashes -r requirements-dev.txt';

describe('add', () => {
  test('brings files and a section of the README, and says what next', async () => {
    const cwd = await makeFlask();
    const { code, stdout } = await tool(cwd, 'add', 'docker');
    expect(code).toBe(0);
    expect(stdout).toBe(`Added docker:
  create    .dockerignore
  create    Dockerfile
  update    README.md
  create    compose.yaml
  create    tests/test_docker.py

Next:
  ${INSTALL}
  .venv/bin/pytest
`);
    const tree = await readTree(cwd);
    expect(tree['README.md']).toContain('\n## Docker\n');
    expect(JSON.parse(tree['.llm-api/project.json'] ?? '').answers.addons).toEqual(['docker']);
    expect((await tool(cwd, 'upgrade', '--check')).code).toBe(0);
  });

  test.each([
    ['flask', 'pip', '.venv', INSTALL, '.venv/bin/pytest'],
    ['express', 'npm', 'node_modules', 'npm ci --no-audit --no-fund', 'npm run test'],
  ])('%s: first the installation, where there is none', async (stack, manager, folder, ...next) => {
    const cwd = await createProject(await makeFolder(), stack, '-p', manager);
    const without = await tool(cwd, 'add', 'docker', '--dry-run', '--json');
    expect(JSON.parse(without.stdout).next).toEqual(next);
    await mkdir(join(cwd, folder));
    const installed = await tool(cwd, 'add', 'docker', '--dry-run', '--json');
    expect(JSON.parse(installed.stdout).next).toEqual(next.slice(1));
  });

  test('gives what create --with gives', async () => {
    const added = await makeFlask();
    await tool(added, 'add', 'github-actions');
    await tool(added, 'add', 'docker');
    expect(await readTree(added)).toEqual(
      await readTree(await makeFlask('--with', 'docker,github-actions')),
    );
  });

  test('what is there already is said to be, and nothing is done', async () => {
    const cwd = await makeFlask('--with', 'docker');
    const before = await readTree(cwd);
    const { code, stdout } = await tool(cwd, 'add', 'docker');
    expect([code, stdout]).toEqual([0, 'docker is there already.\n']);
    expect(await readTree(cwd)).toEqual(before);
  });

  test('of two, one of which is there: the other is added', async () => {
    const cwd = await makeFlask('--with', 'docker');
    const { code, stdout } = await tool(cwd, 'add', 'docker', 'github-actions');
    expect(code).toBe(0);
    expect(stdout).toContain('docker is there already.\nAdded github-actions:\n');
    expect(await readTree(cwd)).toHaveProperty(['.github/workflows/image.yml']);
  });

  test('a file of yours in the same place: both, between markers, in that file alone', async () => {
    const cwd = await makeFlask();
    await writeFile(join(cwd, 'compose.yaml'), 'services:\n  mine: {}\n');
    const { code, stdout, stderr } = await tool(cwd, 'add', 'docker');
    expect(code).toBe(1);
    expect(stdout).toContain('conflict  compose.yaml:2  (a file of yours is already there)');
    expect(stderr).toContain('There is a conflict in compose.yaml:2.');
    const tree = await readTree(cwd);
    expect(tree['compose.yaml']).toMatch(
      /^services:\n<{7} yours\n {2}mine: \{\}\n={7}\n {2}api:\n/,
    );
    expect(tree.Dockerfile).toContain('HEALTHCHECK');
    await editFiles(cwd, { 'compose.yaml': 'services:\n  mine: {}\n' });
    expect((await tool(cwd, 'add', 'docker')).stdout).toBe('docker is there already.\n');
    expect((await tool(cwd, 'upgrade', '--check')).code).toBe(0);
  });

  test('to a project of older templates: these are brought up to date as well, and it says so', async () => {
    const cwd = await makeFlask();
    await makeOlder(cwd, { 'AGENTS.md': 'older\n' });
    await editFiles(cwd, {
      '.llm-api/project.json': (text) => text.replace('"0.1.0"', '"0.0.9"'),
    });
    const { code, stdout } = await tool(cwd, 'add', 'docker');
    expect(code).toBe(0);
    expect(stdout).toContain('Added docker, and upgraded to create-llm-api 0.1.0:');
    expect(stdout).toContain('update    AGENTS.md');
  });

  test.each([
    ['--dry-run', 0, 'Dockerfile  (create)'],
    ['--json', 0, '"addons": [\n    "docker"\n  ]'],
  ])('%s', async (flag, exitCode, words) => {
    const cwd = await makeFlask();
    const before = await readTree(cwd);
    const { code, stdout } = await tool(cwd, 'add', 'docker', flag);
    expect([code, stdout]).toEqual([exitCode, expect.stringContaining(words)]);
    if (flag === '--dry-run') expect(await readTree(cwd)).toEqual(before);
    else expect(JSON.parse(stdout)).toMatchObject({ ok: true, directory: cwd });
  });

  test('what is not committed is refused, unless --force', async () => {
    const cwd = await makeFlask();
    commitAll(cwd);
    await editFiles(cwd, { 'app.py': (text) => `# mine\n${text}` });
    const { code, stderr } = await tool(cwd, 'add', 'docker');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('error This project has changes that are not committed: app.py.\n'),
    ]);
    expect((await tool(cwd, 'add', 'docker', '--force')).code).toBe(0);
  });
});

describe('remove', () => {
  test('after add: the project as it was, with your edits', async () => {
    const cwd = await makeFlask();
    await editFiles(cwd, {
      'README.md': (text) => `Mine, first.\n\n${text}\n## Mine\n\nAt the end.\n`,
      'app.py': (text) => text.replaceAll('\n', '\r\n'),
      'tests/test_app.py': null,
    });
    const before = await readTree(cwd);
    expect((await tool(cwd, 'add', 'docker', 'github-actions')).code).toBe(0);
    const { code, stdout } = await tool(cwd, 'remove', 'docker', 'github-actions');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Removed docker, github-actions:')]);
    expect(await readTree(cwd)).toEqual(before);
  });

  test('what you changed of it stays, and is told', async () => {
    const cwd = await makeFlask('--with', 'docker');
    await editFiles(cwd, { Dockerfile: (text) => `${text}# mine\n` });
    const { code, stdout } = await tool(cwd, 'remove', 'docker');
    expect(code).toBe(0);
    expect(stdout).toContain('skip      Dockerfile  (you changed it, and we no longer ship it');
    expect(await readFile(join(cwd, 'Dockerfile'), 'utf8')).toContain('# mine\n');
  });

  test('what is not there is said not to be, and nothing is done', async () => {
    const cwd = await makeFlask();
    const before = await readTree(cwd);
    const { code, stdout } = await tool(cwd, 'remove', 'docker');
    expect([code, stdout]).toEqual([0, 'docker is not there.\n']);
    expect(await readTree(cwd)).toEqual(before);
  });
});

describe('an add-on that needs another', () => {
  test('is not added without it; the way out is a command', async () => {
    const cwd = await createProject(await makeFolder(), 'fastify');
    const before = await readTree(cwd);
    const { code, stderr } = await tool(cwd, 'add', 'kubernetes', 'redis');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error The add-on kubernetes needs docker\.\nAdd them together: .*llm-api add docker kubernetes redis\n$/,
    );
    expect(await readTree(cwd)).toEqual(before);
  });

  test('keeps what it needs; the way out is a command', async () => {
    const cwd = await createProject(await makeFolder(), 'fastify', '--with', 'docker,kubernetes');
    const before = await readTree(cwd);
    const { code, stderr } = await tool(cwd, 'remove', 'docker');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error The add-on kubernetes needs docker\.\nRemove them together: .*llm-api remove docker kubernetes\n$/,
    );
    expect(await readTree(cwd)).toEqual(before);
    expect((await tool(cwd, 'remove', 'docker', 'kubernetes')).code).toBe(0);
  });
});

describe('names', () => {
  test.each([
    [['add', 'doker'], 'Did you mean docker?'],
    [['remove', 'github-action'], 'Did you mean github-actions?'],
    [['add', 'docker', 'xyz'], 'There is no add-on "xyz".'],
    [['add'], 'Missing required argument'],
    [['create', 'x', '--with', 'docker,githubactions'], 'Did you mean github-actions?'],
    [
      ['create', 'x', '-t', 'fastapi', '--with', 'kubernetes'],
      'Take them together: --with docker,kubernetes\n',
    ],
    [
      ['create', 'x', '-t', 'fastapi', '--with', 'kubernetes,redis'],
      'Take them together: --with docker,kubernetes,redis\n',
    ],
    [
      ['create', 'x', '-t', 'flask', '--with', 'docker,kubernetes'],
      'is for async projects (fastapi or fastify); flask is simple.',
    ],
  ])('%j is wrong usage', async (args, words) => {
    const { code, stdout, stderr } = await tool('/', ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });
});
