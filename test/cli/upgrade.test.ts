import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, type Outcome, runCli } from '../harness/cli.ts';
import {
  commitAll,
  createProject,
  editFiles,
  git,
  makeOlder,
  readTree,
} from '../harness/older-project.ts';

const upgrade = (cwd: string, ...flags: readonly string[]): Promise<Outcome> =>
  runCli('llm-api', ['upgrade', ...flags], { cwd });

async function makeExpress(): Promise<string> {
  return createProject(await makeFolder(), 'express', '-p', 'npm');
}

describe('up to date', () => {
  test('says so, changes nothing, exit 0', async () => {
    const cwd = await makeExpress();
    const before = await readTree(cwd);
    for (const flags of [[], ['--check'], ['--dry-run']]) {
      const { code, stdout } = await upgrade(cwd, ...flags);
      expect([code, stdout]).toEqual([0, 'Up to date with create-llm-api 0.1.0.\n']);
    }
    expect(await readTree(cwd)).toEqual(before);
  });

  test('from a folder inside it, and named from outside', async () => {
    const cwd = await makeExpress();
    await mkdir(join(cwd, 'src/deep'), { recursive: true });
    expect((await upgrade(join(cwd, 'src/deep'))).code).toBe(0);
    expect((await upgrade('/', cwd)).code).toBe(0);
  });

  test('with changes of yours, which are no drift', async () => {
    const cwd = await makeExpress();
    await editFiles(cwd, { 'server.ts': (text) => `// mine\n${text}`, 'biome.json': null });
    expect((await upgrade(cwd, '--check')).code).toBe(0);
  });
});

describe('newer templates', () => {
  test('every kind of operation, and a second run finds nothing to do', async () => {
    const cwd = await makeExpress();
    const now = await readTree(cwd);
    await makeOlder(cwd, {
      'AGENTS.md': (text) => text.replace('# For coding agents', '# For agents'),
      'server.ts': (text) => text.replace(/^import .*\n/, ''),
      'tsconfig.json': null,
      'old.ts': 'export {};\n',
      'package.json': (text) => text.replace(/"express": ".*?"/, '"express": "5.0.0"'),
    });
    await editFiles(cwd, { 'server.ts': (text) => `${text}// mine, at the end\n` });
    const { code, stdout } = await upgrade(cwd);
    expect(code).toBe(0);
    expect(stdout).toBe(`Upgraded to create-llm-api 0.1.0:
  update    AGENTS.md
  delete    old.ts
  update    package.json
  merge     server.ts
  create    tsconfig.json

Next:
  npm ci --no-audit --no-fund
  npm run test
`);
    const mine = { ...now, 'server.ts': `${now['server.ts']}// mine, at the end\n` };
    expect(await readTree(cwd)).toEqual(mine);
    expect((await upgrade(cwd)).stdout).toContain('Up to date');
  });

  test('package.json keeps your order and indentation, and your own keys', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, {
      'package.json': (text) => text.replace(/"zod": ".*?"/, '"zod": "1.0.0"'),
    });
    const zod = /"zod": "(.*?)"/;
    const mine = await readFile(join(cwd, 'package.json'), 'utf8').then((text) => {
      const { scripts, ...rest } = JSON.parse(text);
      return JSON.stringify({ scripts: { ...scripts, mine: 'x' }, ...rest }, null, '\t');
    });
    await writeFile(join(cwd, 'package.json'), mine);
    const { stdout } = await upgrade(cwd);
    expect(stdout).toContain('merge     package.json');
    expect(stdout).toContain('  npm install\n');
    const after = await readFile(join(cwd, 'package.json'), 'utf8');
    expect(zod.exec(after)?.[1]).not.toBe('1.0.0');
    expect(after.replace(zod, '')).toBe(mine.replace(zod, ''));
  });

  test('pyproject.toml and .env.example keep your comments and your additions', async () => {
    const cwd = await createProject(await makeFolder(), 'flask', '-p', 'pip');
    await makeOlder(cwd, {
      'pyproject.toml': (text) => text.replace(/ {4}"werkzeug.*\n/, ''),
      '.env.example': (text) => text.replace(/\n.*\n#MAX_BODY_BYTES.*\n/, ''),
    });
    await editFiles(cwd, {
      'pyproject.toml': (text) =>
        text.replace(/( {4}"pydantic-settings.*\n)/, '$1    "sentry-sdk==2.0.0", # to be told\n'),
      '.env.example': (text) => `${text}\n# What I need.\nMINE=1\n`,
    });
    const { code, stdout } = await upgrade(cwd);
    expect([code, stdout]).toEqual([0, expect.stringContaining('merge     pyproject.toml')]);
    const after = await readTree(cwd);
    expect(after['pyproject.toml']).toMatch(
      / {4}"sentry-sdk==2.0.0", # to be told\n {4}"werkzeug.*\n]/,
    );
    expect(after['.env.example']).toMatch(/MAX_BODY_BYTES=[\s\S]*# What I need.\nMINE=1\n$/);
  });

  test('a lock that both sides changed has both, and you are told to write it anew', async () => {
    const cwd = await createProject(await makeFolder(), 'flask', '-p', 'pip');
    const pin = 'mine==1.0 \\\n    --hash=sha256:aa\n';
    await makeOlder(cwd, {
      'requirements.txt': (text) => text.replace(/^flask==.*/m, 'flask==1.0 \\'),
    });
    await editFiles(cwd, {
      'requirements.txt': (text) => text.replace(/^markupsafe/m, `${pin}$&`),
    });
    const { code, stdout } = await upgrade(cwd);
    expect([code, stdout]).toEqual([0, expect.stringContaining('merge     requirements.txt')]);
    expect(stdout).toContain('README, "Change a dependency"');
    const { 'requirements.txt': lock } = await readTree(cwd);
    expect(lock).toContain(pin);
    expect(lock).not.toContain('flask==1.0 ');
  });

  test('a file that you deleted stays deleted, and is told', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'AGENTS.md': 'older\n' });
    await editFiles(cwd, { 'AGENTS.md': null });
    const { code, stdout } = await upgrade(cwd);
    expect(code).toBe(0);
    expect(stdout).toContain('skip      AGENTS.md  (you deleted it)');
    expect(await readTree(cwd)).not.toHaveProperty('AGENTS.md');
    expect((await upgrade(cwd)).stdout).toContain('Up to date');
  });

  test('a file that you moved, and changed, is followed', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, {
      'server.test.ts': (text) => text.replace('import OpenAI', '// older\nimport OpenAI'),
    });
    await editFiles(cwd, { 'server.test.ts': null });
    const { 'server.test.ts': now } = JSON.parse(
      await readFile(join(cwd, '.llm-api/base.json'), 'utf8'),
    ).files;
    await editFiles(cwd, { 'test/deep/server.test.ts': `${now.text}// mine\n` });
    const { code, stdout } = await upgrade(cwd);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(
        'merge     test/deep/server.test.ts  (you moved it from server.test.ts)',
      ),
    ]);
    const tree = await readTree(cwd);
    expect(tree).not.toHaveProperty(['server.test.ts']);
    expect(tree['test/deep/server.test.ts']).not.toContain('// older');
    expect(tree['test/deep/server.test.ts']).toMatch(/\/\/ mine\n$/);
    expect((await upgrade(cwd)).stdout).toContain('Up to date');
  });

  test('a file that you changed and we no longer ship stays', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'old.ts': 'ours\n' });
    await editFiles(cwd, { 'old.ts': 'mine\n' });
    const { code, stdout } = await upgrade(cwd);
    expect([code, stdout]).toEqual([0, expect.stringContaining('skip      old.ts')]);
    expect(await readTree(cwd)).toHaveProperty('old.ts', 'mine\n');
  });
});

describe('a conflict', () => {
  async function makeConflict(): Promise<string> {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'AGENTS.md': '# Old\n\ntext\n', 'README.md': 'old\n' });
    await editFiles(cwd, { 'AGENTS.md': '# Mine\n\ntext\n' });
    return cwd;
  }

  test('is between markers in that file alone, listed with its line; the rest is done', async () => {
    const cwd = await makeConflict();
    const { code, stdout, stderr } = await upgrade(cwd);
    expect(code).toBe(1);
    expect(stdout).toContain('conflict  AGENTS.md:1  (both of us changed the same lines)');
    expect(stdout).toContain('update    README.md');
    expect(stderr).toContain('There is a conflict in AGENTS.md:1. Everything else is done.');
    const after = await readTree(cwd);
    expect(after['AGENTS.md']).toMatch(
      /^<<<<<<< yours\n# Mine\n[\s\S]*=======\n# For coding agents/,
    );
    expect(after['README.md']).not.toBe('old\n');
    const marked = Object.entries(after).filter(([, text]) => /^<{7} /m.test(text));
    expect(marked.map(([path]) => path)).toEqual(['AGENTS.md']);
  });

  test('run again before it is resolved: refused, nothing is nested', async () => {
    const cwd = await makeConflict();
    await upgrade(cwd);
    const before = await readTree(cwd);
    for (const flags of [[], ['--check'], ['--force']]) {
      const { code, stderr } = await upgrade(cwd, ...flags);
      expect(code).toBe(1);
      expect(stderr).toContain('Conflicts of an earlier run are not resolved: AGENTS.md:1.');
    }
    expect(await readTree(cwd)).toEqual(before);
  });

  test('run again after it is resolved: nothing to do', async () => {
    const cwd = await makeConflict();
    await upgrade(cwd);
    await editFiles(cwd, { 'AGENTS.md': '# Mine and yours\n' });
    const { code, stdout } = await upgrade(cwd);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Up to date')]);
  });

  test('as JSON', async () => {
    const cwd = await makeConflict();
    const { code, stdout } = await upgrade(cwd, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      exitCode: 1,
      conflicts: ['AGENTS.md:1'],
      operations: expect.arrayContaining([
        {
          kind: 'conflict',
          path: 'AGENTS.md',
          line: 1,
          why: 'both of us changed the same lines',
        },
        { kind: 'update', path: 'README.md' },
      ]),
    });
  });
});

describe('what is not committed', () => {
  test('is named and refused; with --force it goes on', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'AGENTS.md': 'older\n' });
    commitAll(cwd);
    await editFiles(cwd, { 'server.ts': (text) => `// mine\n${text}`, 'notes.md': 'untracked\n' });
    const before = await readTree(cwd);
    const refused = await upgrade(cwd);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('has changes that are not committed: server.ts.');
    expect(await readTree(cwd)).toEqual(before);
    expect((await upgrade(cwd, '--force')).code).toBe(0);
    expect(git(cwd, 'status', '--porcelain')).toContain('M AGENTS.md');
  });

  test('an untracked file counts where we would write it; others do not', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'AGENTS.md': null });
    commitAll(cwd);
    await editFiles(cwd, { 'AGENTS.md': 'mine\n', 'notes.md': 'untracked\n' });
    expect((await upgrade(cwd)).stderr).toContain('not committed: AGENTS.md.');
    await rm(join(cwd, 'AGENTS.md'));
    expect((await upgrade(cwd)).code).toBe(0);
  });

  test('of a project below the root of its repository only its own files count', async () => {
    const root = await makeFolder();
    const cwd = await createProject(root, 'express', '-p', 'npm');
    await makeOlder(cwd, { 'AGENTS.md': 'older\n' });
    await writeFile(join(root, 'other.txt'), 'a\n');
    commitAll(root);
    await writeFile(join(root, 'other.txt'), 'b\n');
    expect((await upgrade(cwd)).code).toBe(0);
  });
});

describe('looking first', () => {
  test('--check lists what would change, changes nothing, exit 1', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'AGENTS.md': 'older\n' });
    const before = await readTree(cwd);
    const { code, stdout, stderr } = await upgrade(cwd, '--check');
    expect([code, stdout]).toEqual([1, '  update    AGENTS.md\n']);
    expect(stderr).toContain('Not up to date with create-llm-api 0.1.0.');
    expect(stderr).toContain('npx -p create-llm-api@0.1.0 llm-api upgrade --dry-run');
    expect(await readTree(cwd)).toEqual(before);
  });

  test('--dry-run shows the tree and the difference, changes nothing, exit 0', async () => {
    const cwd = await makeExpress();
    await makeOlder(cwd, { 'AGENTS.md': '# Older\n', 'tsconfig.json': null });
    const before = await readTree(cwd);
    const { code, stdout } = await upgrade(cwd, '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\.\/\n {2}AGENTS\.md {2}\(update\)\n {2}tsconfig\.json {2}\(create\)\n/,
    );
    expect(stdout).toContain('--- AGENTS.md\n+++ AGENTS.md\n@@ line 1 @@\n-# Older\n+# For coding');
    expect(await readTree(cwd)).toEqual(before);
  });
});

describe('no way to go on', () => {
  test.each([
    ['no project here', {}, 'No project here'],
    ['a record that is no JSON', { '.llm-api/base.json': '{' }, 'base.json is not JSON'],
    ['a record without the files', { '.llm-api/base.json': null }, 'base.json is not there'],
    [
      'a record of a newer version',
      { '.llm-api/project.json': (text: string) => text.replace('"0.1.0"', '"0.10.0"') },
      'written by create-llm-api 0.10.0; this is 0.1.0',
    ],
    [
      'an add-on of a newer version',
      { '.llm-api/project.json': (text: string) => text.replace('[]', '["teleport"]') },
      'This version has no add-on "teleport"; the project has.',
    ],
  ])('%s', async (_title, edits, words) => {
    const folder = await makeFolder();
    const cwd = words.startsWith('No project') ? folder : await createProject(folder, 'flask');
    await editFiles(cwd, edits);
    const before = await readTree(cwd);
    const { code, stderr } = await upgrade(cwd);
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(await readTree(cwd)).toEqual(before);
  });
});
