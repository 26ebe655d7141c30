import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { binPath, makeFolder, plainEnvironment, runCli } from '../harness/cli.ts';
import { isAlive, waitFor } from '../harness/wait.ts';

const AM_ROOT = process.getuid?.() === 0;
/** Debian's `nobody`: a user without rights, for when the tests run as root. */
const NOBODY = 65534;

/** A program that stands in for an installer, so that a test decides when and how it ends. */
async function makeProgram(folder: string, name: string, script: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

describe('an installation that fails', () => {
  test('an unreachable registry: exit 1, the project stays, and the way on is printed', async () => {
    const cwd = await makeFolder();
    const run = await runCli(
      'create-llm-api',
      ['my app', '-t', 'express', '-p', 'npm', '--no-git'],
      {
        cwd,
        env: {
          npm_config_registry: 'http://127.0.0.1:9',
          npm_config_cache: join(cwd, 'cache'),
          npm_config_fetch_retries: '0',
        },
      },
    );
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('Installing npm packages failed: npm exited with code 1.');
    expect(run.stderr).toContain('ECONNREFUSED');
    expect(run.stderr).toContain("cd 'my app' && npm ci");
    expect(run.stdout).not.toContain('is ready');
    expect(existsSync(join(cwd, 'my app/package.json'))).toBe(true);
  });

  test('the installer is not there', async () => {
    const cwd = await makeFolder();
    const args = ['x', '-t', 'express', '-p', 'bun', '--no-git', '--json'];
    const run = await runCli('create-llm-api', args, { cwd, env: { PATH: cwd } });
    expect(run.code).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({
      ok: false,
      exitCode: 1,
      error: expect.stringContaining('bun was not found'),
      recovery: 'cd x && bun install',
    });
  });

  test('the project vanishes meanwhile', async () => {
    const cwd = await makeFolder();
    await makeProgram(join(cwd, 'bin'), 'npm', `rm -rf "${cwd}/x"; exit 3`);
    const env = { PATH: `${cwd}/bin:${process.env.PATH}` };
    const args = ['x', '-t', 'express', '-p', 'npm', '--git'];
    const run = await runCli('create-llm-api', args, { cwd, env });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`${cwd}/x is not there any more`);
    expect(run.stderr).not.toContain('git was not found');
  });
});

describe('ended in the middle', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 143],
  ] as const)('%s during the installation: exit %i, nothing is left', async (signal, expected) => {
    const cwd = await makeFolder();
    await makeProgram(join(cwd, 'bin'), 'npm', `echo $$ > ${cwd}/pid; exec sleep 60`);
    let pid = 0;
    const running = runCli('create-llm-api', ['a/x', '-t', 'express', '-p', 'npm', '--no-git'], {
      cwd,
      env: { PATH: `${cwd}/bin:${process.env.PATH}` },
      onStart: (started) => {
        pid = started;
      },
    });
    await waitFor(() => existsSync(join(cwd, 'pid')));
    await waitFor(async () => (await readFile(join(cwd, 'pid'), 'utf8')).trim() !== '');
    process.kill(pid, signal);
    const { code } = await running;
    expect(code).toBe(expected);
    expect((await readdir(cwd)).sort()).toEqual(['bin', 'pid']);
    const installer = Number(await readFile(join(cwd, 'pid'), 'utf8'));
    await waitFor(() => !isAlive(installer));
  });

  test('with --overwrite everything is put back as it was', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'x'));
    await writeFile(join(cwd, 'x/package.json'), '{"mine":1}\n');
    await makeProgram(
      join(cwd, 'bin'),
      'npm',
      `mkdir node_modules; echo $$ > ${cwd}/pid; exec sleep 60`,
    );
    let pid = 0;
    const args = ['x', '-t', 'express', '-p', 'npm', '--no-git', '--overwrite'];
    const running = runCli('create-llm-api', args, {
      cwd,
      env: { PATH: `${cwd}/bin:${process.env.PATH}` },
      onStart: (started) => {
        pid = started;
      },
    });
    await waitFor(() => existsSync(join(cwd, 'pid')));
    process.kill(pid, 'SIGINT');
    expect((await running).code).toBe(130);
    expect(await readdir(join(cwd, 'x'))).toEqual(['package.json']);
    expect(await readFile(join(cwd, 'x/package.json'), 'utf8')).toBe('{"mine":1}\n');
  });
});

describe('ended in the middle, further on', () => {
  test('during the first commit, with --overwrite: everything is as it was', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'x'));
    await writeFile(join(cwd, 'x/package.json'), '{"mine":1}\n');
    const stall = `[ "$1" = add ] || exit 0; echo $$ > ${cwd}/pid; exec sleep 60`;
    await makeProgram(join(cwd, 'bin'), 'git', stall);
    let pid = 0;
    const args = ['x', '-t', 'express', '--no-install', '--git', '--overwrite'];
    const running = runCli('create-llm-api', args, {
      cwd,
      env: { PATH: `${cwd}/bin:${process.env.PATH}` },
      onStart: (started) => {
        pid = started;
      },
    });
    await waitFor(() => existsSync(join(cwd, 'pid')));
    process.kill(pid, 'SIGINT');
    expect((await running).code).toBe(130);
    expect(await readdir(join(cwd, 'x'))).toEqual(['package.json']);
    expect(await readFile(join(cwd, 'x/package.json'), 'utf8')).toBe('{"mine":1}\n');
  });

  test('what the installer started ends with it', async () => {
    const cwd = await makeFolder();
    const script = `sh -c 'trap "" TERM; echo $$ > ${cwd}/pid; sleep 60; sleep 60' & wait`;
    await makeProgram(join(cwd, 'bin'), 'npm', script);
    let pid = 0;
    const running = runCli('create-llm-api', ['x', '-t', 'express', '-p', 'npm', '--no-git'], {
      cwd,
      env: { PATH: `${cwd}/bin:${process.env.PATH}` },
      onStart: (started) => {
        pid = started;
      },
    });
    await waitFor(() => existsSync(join(cwd, 'pid')));
    await waitFor(async () => (await readFile(join(cwd, 'pid'), 'utf8')).trim() !== '');
    process.kill(pid, 'SIGTERM');
    expect((await running).code).toBe(143);
    expect(isAlive(Number(await readFile(join(cwd, 'pid'), 'utf8')))).toBe(false);
    expect((await readdir(cwd)).sort()).toEqual(['bin', 'pid']);
  });
});

describe('Python', () => {
  /** A Python of that version, as far as `create` can see. */
  async function makePython(folder: string, name: string, version: string): Promise<void> {
    const venv = 'mkdir -p .venv/bin; ln -s /bin/true .venv/bin/python';
    await makeProgram(folder, name, `[ "$1" = -c ] && echo ${version} && exit; ${venv}`);
  }

  const ARGS = ['x', '-t', 'flask', '-p', 'pip', '--no-git'];

  test('that is too old is passed over for one that is not', async () => {
    const cwd = await makeFolder();
    await makePython(join(cwd, 'bin'), 'python3', '3.9.18');
    await makePython(join(cwd, 'bin'), 'python3.12', '3.12.1');
    const env = { PATH: `${cwd}/bin:/bin` };
    await makeProgram(join(cwd, 'bin'), 'python', 'echo python: command not found; exit 127');
    for (const name of ['python3.14', 'python3.13']) {
      await makeProgram(join(cwd, 'bin'), name, 'exit 127');
    }
    const run = await runCli('create-llm-api', [...ARGS, '--json'], { cwd, env });
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout).steps[0].argv[0]).toBe('python3.12');
  });

  test('that is too old, and no other: named before anything is written', async () => {
    const cwd = await makeFolder();
    for (const name of ['mkdir', 'ln']) await makeProgram(join(cwd, 'bin'), name, 'exit 1');
    await makePython(join(cwd, 'bin'), 'python3', '3.9.18');
    const run = await runCli('create-llm-api', ARGS, { cwd, env: { PATH: `${cwd}/bin` } });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('Python 3.11 or newer was not found: python3 is 3.9.18.');
    expect(run.stderr).toContain('--no-install');
    expect(await readdir(cwd)).toEqual(['bin']);
  });
});

describe('a place that cannot be written', () => {
  const QUICK = ['-t', 'flask', '--no-install', '--no-git'];

  test('a read-only parent', async () => {
    const cwd = await makeFolder();
    await chmod(cwd, 0o555);
    onTestFinished(() => chmod(cwd, 0o755));
    const run = await runCli('create-llm-api', [join(cwd, 'x'), ...QUICK], {
      cwd: '/',
      ...(AM_ROOT && { uid: NOBODY }),
    });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`${join(cwd, 'x')} is not writable. Nothing was changed.`);
    expect(await readdir(cwd)).toEqual([]);
  });

  test('a full disk: nothing half-written stays', async () => {
    const cwd = await makeFolder();
    // A file size limit of one block stops the write as a full disk does, without being root.
    const command = `ulimit -f 1; exec "$0" "$@"`;
    const args = ['-c', command, process.execPath, binPath('create-llm-api'), 'x', ...QUICK];
    const run = spawnSync('sh', args, { cwd, env: plainEnvironment(), encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('Nothing was changed');
    expect(run.stderr).not.toMatch(/\n\s+at /);
    expect(await readdir(cwd)).toEqual([]);
  });

  test.runIf(AM_ROOT)('a full disk, for real', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'small'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', `${cwd}/small`]);
    // Containers without the right to mount have the test above.
    if (mounted.status !== 0) return;
    onTestFinished(() => void execFileSync('umount', [join(cwd, 'small')]));
    const run = await runCli('create-llm-api', ['x', ...QUICK], { cwd: join(cwd, 'small') });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('is on a disk that is full. Nothing was changed.');
    expect(await readdir(join(cwd, 'small'))).toEqual([]);
  });

  test('the current directory is gone', async () => {
    const cwd = await makeFolder();
    const script = `mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"`;
    const args = ['-c', script, process.execPath, binPath('create-llm-api'), 'x', ...QUICK];
    const run = spawnSync('sh', args, { cwd, env: plainEnvironment(), encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(await readdir(cwd)).toEqual([]);
  });

  test('a folder in it that is a link to elsewhere', async () => {
    const cwd = await makeFolder();
    for (const name of ['x', 'elsewhere']) await mkdir(join(cwd, name));
    await symlink('../elsewhere', join(cwd, 'x/tests'));
    const run = await runCli('create-llm-api', ['x', '--overwrite', ...QUICK], { cwd });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`leads out of the project, to ${cwd}/elsewhere.`);
    expect(await readdir(join(cwd, 'x'))).toEqual(['tests']);
    expect(await readdir(join(cwd, 'elsewhere'))).toEqual([]);
  });

  test('below a file', async () => {
    const cwd = await makeFolder();
    await writeFile(join(cwd, 'file'), '');
    const run = await runCli('create-llm-api', ['file/x', ...QUICK], { cwd });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('below something that is not a directory');
  });
});
