import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, runCli } from '../harness/cli.ts';

const QUICK = ['--no-install', '--no-git'] as const;

describe('makes a project', () => {
  test.each(['fastapi', 'flask', 'fastify', 'express'])('%s, without asking', async (stack) => {
    const cwd = await makeFolder();
    const { code, stdout } = await runCli('create-llm-api', ['my-api', '-t', stack, ...QUICK], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('my-api is ready');
    const project = JSON.parse(await readFile(join(cwd, 'my-api/.llm-api/project.json'), 'utf8'));
    expect(project.answers).toMatchObject({ name: 'my-api', stack, model: 'gpt-4o' });
    expect(await readdir(cwd)).toEqual(['my-api']);
  });

  test.each([
    [['-t', 'async'], 'fastapi'],
    [['-t', 'async', '-l', 'typescript'], 'fastify'],
    [['-t', 'simple'], 'flask'],
    [['-t', 'simple', '-l', 'typescript'], 'express'],
    [['--yes'], 'fastapi'],
  ])('%j is %s', async (flags, stack) => {
    const cwd = await makeFolder();
    const run = await runCli('create-llm-api', ['x', ...flags, ...QUICK, '--json'], { cwd });
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, answers: { stack } });
  });

  test('`llm-api create` is the same command', async () => {
    const cwd = await makeFolder();
    const { code } = await runCli('llm-api', ['create', 'x', '-t', 'flask', ...QUICK], { cwd });
    expect(code).toBe(0);
    expect(existsSync(join(cwd, 'x/app.py'))).toBe(true);
  });

  test('the same answers give the same bytes, and `again` is a command that gives them', async () => {
    const cwd = await makeFolder();
    const flags = ['-t', 'express', '--model', 'o4/mini:x', '--base-url', 'http://localhost:1/v1/'];
    const first = await runCli('create-llm-api', ['it is', ...flags, ...QUICK, '--json'], { cwd });
    const { again } = JSON.parse(first.stdout);
    expect(again).toMatch(/^npx create-llm-api@\d+\.\d+\.\d+ 'it is' --template express/);
    const other = await makeFolder();
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${again.replace(/^npx \S+/, '')}`]);
    await runCli('create-llm-api', words.toString().trim().split('\n'), { cwd: other });
    const diff = execFileSync('diff', ['-r', join(cwd, 'it is'), join(other, 'it is')]);
    expect(diff.toString()).toBe('');
  });

  test('into an empty directory that is there, and into the current one', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'here'));
    const args = ['.', '-t', 'flask', ...QUICK];
    const { code, stdout } = await runCli('create-llm-api', args, { cwd: join(cwd, 'here') });
    expect(code).toBe(0);
    expect(stdout).not.toContain('cd ');
    expect(await readdir(join(cwd, 'here'))).toContain('app.py');
  });

  test('makes missing parents', async () => {
    const cwd = await makeFolder();
    const { code } = await runCli('create-llm-api', ['a/b/c', '-t', 'flask', ...QUICK], { cwd });
    expect(code).toBe(0);
    expect(existsSync(join(cwd, 'a/b/c/app.py'))).toBe(true);
  });
});

describe('package manager', () => {
  const chosen = async (flags: readonly string[], agent?: string): Promise<string> => {
    const cwd = await makeFolder();
    const env = { npm_config_user_agent: agent, PATH: '/usr/bin:/bin' };
    const run = await runCli('create-llm-api', ['x', ...flags, ...QUICK, '--json'], { cwd, env });
    return JSON.parse(run.stdout).answers.packageManager;
  };

  test.each([
    ['npm/11.0.0 node/v20.20.2 linux x64', 'npm'],
    ['pnpm/10.1.0 npm/? node/v20.20.2', 'pnpm'],
    ['yarn/1.22.22 npm/? node/v20.20.2', 'yarn'],
    ['bun/1.3.0 npm/? node/v24.3.0', 'bun'],
    [undefined, 'npm'],
  ])('called with %s it is %s for TypeScript', async (agent, expected) => {
    expect(await chosen(['-t', 'express'], agent)).toBe(expected);
  });

  test('Python does not care who called, and takes pip where uv is not there', async () => {
    expect(await chosen(['-t', 'flask'], 'pnpm/10.1.0')).toBe('pip');
  });

  test('the flag wins', async () => {
    expect(await chosen(['-t', 'express', '-p', 'bun'], 'pnpm/10.1.0')).toBe('bun');
    expect(await chosen(['-t', 'flask', '-p', 'uv'])).toBe('uv');
  });
});

describe('wrong usage is exit code 2, with the nearest known word', () => {
  test.each([
    [['x', '--templte', 'async'], '--template'],
    [['x', '-t', 'fastapy'], '--template fastapi'],
    [['x', '-t', 'asnyc'], '--template async'],
    [['x', '-t', 'async', '-l', 'pyton'], '--language python'],
    [['x', '-t', 'flask', '-p', 'pnmp'], '--package-manager pnpm'],
    [['x', '-t', 'flask', '-p', 'npm'], 'uv, pip'],
    [['x', '-t', 'flask', '-l', 'typescript'], '--template simple'],
    [['x', '-t', 'flask', '--with', 'reddis'], 'Did you mean redis?'],
    [['x', '-t', 'flask', '--with', 'redis'], 'is for async projects'],
    [['x', '-t', 'flask', '--model', 'a b'], '--model gpt-4o'],
    [['x', '-t', 'flask', '--base-url', 'ftp://x'], 'http://'],
    [['x', '-t', 'flask', '--base-url', 'https://me:secret@x/v1'], 'OPENAI_API_KEY'],
    [['x', '-t'], 'argument missing'],
    [['x', 'y', '-t', 'flask'], 'argument'],
    [['x', '-t', 'flask', '--run', '--json'], '--json'],
    [['x', '-t', 'flask', '--run', '--no-install'], '--no-install'],
    [['.hidden', '-t', 'flask'], 'starts with a dot'],
    [['con', '-t', 'flask'], 'device'],
    [['a\\b', '-t', 'flask'], 'separator'],
    [['', '-t', 'flask'], 'empty'],
    [['é'.repeat(108), '-t', 'flask'], '216 bytes'],
  ])('%j', async (args, words) => {
    const cwd = await makeFolder();
    const { code, stdout, stderr } = await runCli('create-llm-api', args, { cwd });
    expect(code).toBe(2);
    if (!args.includes('--json')) expect(stdout).toBe('');
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('secret');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(await readdir(cwd)).toEqual([]);
  });

  test('an unknown command of llm-api', async () => {
    const { code, stderr } = await runCli('llm-api', ['crate', 'x']);
    expect(code).toBe(2);
    expect(stderr).toContain('create');
  });

  test('no command at all shows the help', async () => {
    const { code, stderr } = await runCli('llm-api', []);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: llm-api');
  });
});

describe('nobody to ask is exit code 4, and names the flag', () => {
  test.each([
    [[], ['[directory]', '--template']],
    [['x'], ['--template']],
    [['-t', 'async'], ['[directory]']],
  ])('%j', async (args, names) => {
    const cwd = await makeFolder();
    for (const input of [undefined, '']) {
      const options = { cwd, ...(input !== undefined && { input }) };
      const { code, stderr } = await runCli('create-llm-api', args, options);
      expect(code).toBe(4);
      for (const name of names) expect(stderr).toContain(name);
      expect(stderr).toContain('--yes');
    }
    expect(await readdir(cwd)).toEqual([]);
  });
});

describe('a directory that is not empty', () => {
  const occupied = async (): Promise<string> => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'x'));
    await writeFile(join(cwd, 'x/app.py'), 'mine\n');
    await writeFile(join(cwd, 'x/notes.txt'), 'mine too\n');
    return cwd;
  };

  test('is not touched', async () => {
    const cwd = await occupied();
    const { code, stderr } = await runCli('create-llm-api', ['x', '-t', 'flask', ...QUICK], {
      cwd,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('is not empty');
    expect(stderr).toContain('--overwrite');
    expect((await readdir(join(cwd, 'x'))).sort()).toEqual(['app.py', 'notes.txt']);
  });

  test('with --overwrite lists what differs, and leaves the rest alone', async () => {
    const cwd = await occupied();
    const args = ['x', '-t', 'flask', '--overwrite', ...QUICK];
    const { code, stderr } = await runCli('create-llm-api', args, { cwd });
    expect(code).toBe(0);
    expect(stderr).toMatch(/replaced:\n {2}app\.py\n/);
    expect(await readFile(join(cwd, 'x/notes.txt'), 'utf8')).toBe('mine too\n');
    expect(await readFile(join(cwd, 'x/app.py'), 'utf8')).toContain('Flask');
    expect((await readdir(join(cwd, 'x'))).filter((name) => name.startsWith('.create'))).toEqual(
      [],
    );
  });

  test('a folder in the place of a file: everything is put back', async () => {
    const cwd = await occupied();
    await mkdir(join(cwd, 'x/requirements.txt/inner'), { recursive: true });
    const args = ['x', '-t', 'flask', '--overwrite', ...QUICK];
    const { code, stderr } = await runCli('create-llm-api', args, { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain('Nothing was changed');
    expect(await readFile(join(cwd, 'x/app.py'), 'utf8')).toBe('mine\n');
    expect((await readdir(join(cwd, 'x'))).sort()).toEqual([
      'app.py',
      'notes.txt',
      'requirements.txt',
    ]);
  });

  test('a file in its place', async () => {
    const cwd = await makeFolder();
    await writeFile(join(cwd, 'x'), 'mine');
    const { code, stderr } = await runCli('create-llm-api', ['x', '-t', 'flask', ...QUICK], {
      cwd,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('is a file');
  });
});

describe('--dry-run', () => {
  test('prints the tree and writes nothing', async () => {
    const cwd = await makeFolder();
    const { code, stdout } = await runCli('create-llm-api', ['x', '-t', 'flask', '--dry-run'], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('x/\n  .env.example\n');
    expect(stdout).toContain('  app.py\n');
    expect(await readdir(cwd)).toEqual([]);
  });

  test('prints the difference to what is there', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'x'));
    await writeFile(join(cwd, 'x/.gitignore'), 'mine\n');
    const { code, stdout } = await runCli('create-llm-api', ['x', '-t', 'flask', '--dry-run'], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('--- .gitignore');
    expect(stdout).toContain('-mine');
    expect(stdout).toContain('+.env');
    expect(await readFile(join(cwd, 'x/.gitignore'), 'utf8')).toBe('mine\n');
  });
});

describe('--json', () => {
  test('one document on standard output, also for an error', async () => {
    const cwd = await makeFolder();
    const good = await runCli('create-llm-api', ['x', '-t', 'flask', ...QUICK, '--json'], { cwd });
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, directory: join(cwd, 'x') });
    expect(good.stderr).toContain('is ready');
    const bad = await runCli('create-llm-api', ['x', '-t', 'flask', ...QUICK, '--json'], { cwd });
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, exitCode: 1 });
    expect(bad.code).toBe(1);
  });
});

describe('the key', () => {
  const KEY = 'sk-canary-0123456789';

  test('goes into .env, which only its owner reads and git ignores, and nowhere else', async () => {
    const cwd = await makeFolder();
    const args = ['x', '-t', 'flask', '--key-stdin', '--no-install', '--git'];
    const run = await runCli('create-llm-api', args, { cwd, input: `${KEY}\n` });
    expect(run.code).toBe(0);
    expect(run.stdout + run.stderr).not.toContain(KEY);
    expect(await readFile(join(cwd, 'x/.env'), 'utf8')).toBe(`OPENAI_API_KEY=${KEY}\n`);
    expect((await stat(join(cwd, 'x/.env'))).mode & 0o777).toBe(0o600);
    const tracked = execFileSync('git', ['ls-files'], { cwd: join(cwd, 'x') }).toString();
    expect(tracked).not.toMatch(/^\.env$/m);
    const found = execFileSync('sh', ['-c', `grep -rlF ${KEY} . || true`], { cwd: join(cwd, 'x') });
    expect(found.toString().trim()).toBe('./.env');
  });

  test('that is none is refused and not repeated', async () => {
    const cwd = await makeFolder();
    const args = ['x', '-t', 'flask', '--key-stdin', ...QUICK];
    const run = await runCli('create-llm-api', args, { cwd, input: 'sk canary "quoted"' });
    expect(run.code).toBe(2);
    expect(run.stderr).not.toContain('canary');
    expect(await readdir(cwd)).toEqual([]);
  });

  test('an existing .env keeps its other lines', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'x'));
    await writeFile(join(cwd, 'x/.env'), 'PORT=9000\nOPENAI_API_KEY=old\n');
    const args = ['x', '-t', 'flask', '--key-stdin', '--overwrite', ...QUICK];
    await runCli('create-llm-api', args, { cwd, input: KEY });
    expect(await readFile(join(cwd, 'x/.env'), 'utf8')).toBe(`PORT=9000\nOPENAI_API_KEY=${KEY}\n`);
  });
});

describe('git', () => {
  const git = (cwd: string, ...args: string[]): string =>
    execFileSync('git', args, { cwd, encoding: 'utf8' }).trim();

  test('a repository with one commit of everything that is not ignored', async () => {
    const cwd = await makeFolder();
    const args = ['x', '-t', 'flask', '--no-install'];
    const { code } = await runCli('create-llm-api', args, { cwd });
    expect(code).toBe(0);
    expect(git(join(cwd, 'x'), 'log', '--format=%s')).toBe('Start from create-llm-api');
    expect(git(join(cwd, 'x'), 'status', '--porcelain')).toBe('');
    expect(git(join(cwd, 'x'), 'ls-files')).toContain('.llm-api/base.json');
  });

  test('not inside a work tree', async () => {
    const cwd = await makeFolder();
    git(cwd, 'init', '-q');
    const args = ['x', '-t', 'flask', '--no-install'];
    const { code, stdout } = await runCli('create-llm-api', args, { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('work tree');
    expect(existsSync(join(cwd, 'x/.git'))).toBe(false);
  });

  test('without git nothing fails unless it was asked for', async () => {
    const cwd = await makeFolder();
    const env = { PATH: cwd };
    const silent = await runCli('create-llm-api', ['x', '-t', 'flask', '--no-install'], {
      cwd,
      env,
    });
    expect(silent.code).toBe(0);
    expect(silent.stdout).toContain('git was not found');
    const args = ['y', '-t', 'flask', '--no-install', '--git'];
    const asked = await runCli('create-llm-api', args, { cwd, env });
    expect(asked.code).toBe(1);
    expect(asked.stderr).toContain('cd y && git init');
    expect(existsSync(join(cwd, 'y/app.py'))).toBe(true);
  });
});
