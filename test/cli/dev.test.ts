import { once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder, runCli } from '../harness/cli.ts';
import { makeProject, readPids, readSurvivors } from '../harness/fake-project.ts';
import {
  findSitePackages,
  installNodePackage,
  makeInstalledProject,
} from '../harness/installed-project.ts';
import { addressOf, type Running, startTool } from '../harness/running.ts';
import { waitFor } from '../harness/wait.ts';

async function startDev(
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<{ directory: string; dev: Running }> {
  const directory = await makeFolder();
  await makeProject(directory);
  const dev = startTool(['dev', ...args], { cwd: directory, env });
  await dev.waitFor('is ready.');
  return { directory, dev };
}

async function readServerEnv(dev: Running): Promise<Record<string, string>> {
  const response = await fetch(`${addressOf(dev)}/env`);
  return (await response.json()) as Record<string, string>;
}

async function occupyPort(port = 0): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await Promise.race([once(server, 'listening'), once(server, 'error').then(() => {})]);
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}

describe('the end', () => {
  test.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGTERM'],
    ['SIGHUP', 'SIGTERM'],
  ] as const)('%s ends the server and all that it started, with 0', async (signal, passedOn) => {
    const { directory, dev } = await startDev({ FAKE: 'family' });
    await waitFor(async () => (await readPids(directory)).length === 3);
    dev.signal(signal);
    const { code, stdout, seconds } = await dev.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`the server got ${passedOn}`);
    expect(seconds).toBeLessThan(5);
    expect(await readSurvivors(directory)).toEqual([]);
  });

  test('a server that ignores Ctrl-C is killed within five seconds, and that is said', async () => {
    const { directory, dev } = await startDev({ FAKE: 'stubborn,family' });
    dev.signal('SIGINT');
    const { code, stderr, seconds } = await dev.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('was killed');
    expect(seconds).toBeLessThan(5);
    expect(await readSurvivors(directory)).toEqual([]);
  });

  test('a second Ctrl-C does not wait', async () => {
    const { directory, dev } = await startDev({ FAKE: 'stubborn,family' });
    dev.signal('SIGINT');
    await dev.waitFor('the server got SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 200));
    dev.signal('SIGINT');
    const { code, seconds } = await dev.ended;
    expect(code).toBe(130);
    expect(seconds).toBeLessThan(1.5);
    expect(await readSurvivors(directory)).toEqual([]);
  });

  test('one Ctrl-C that npm hands on is not a second one', async () => {
    const { dev } = await startDev({ FAKE: 'drains' });
    dev.signal('SIGINT');
    dev.signal('SIGINT');
    const { code } = await dev.ended;
    expect(code).toBe(0);
  });

  test('a server that ends by itself is reported with its code, and takes its children along', async () => {
    const { directory, dev } = await startDev({ FAKE: 'family' });
    await waitFor(async () => (await readPids(directory)).length === 3);
    await fetch(`${addressOf(dev)}/crash`).catch(() => {});
    const { code, stderr } = await dev.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('The server ended by itself: python exited with code 7.');
    expect(await readSurvivors(directory)).toEqual([]);
  });

  test('a server that does not start ends the wait for it at once', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    const { code, stderr } = await runCli('llm-api', ['dev'], {
      cwd: directory,
      env: { FAKE: 'refuses' },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('is needed in production');
    expect(stderr).toContain('exited with code 3');
  });

  test('when the tool itself is killed, the server does not stay behind', async () => {
    const { directory, dev } = await startDev({ FAKE: 'family' });
    await waitFor(async () => (await readPids(directory)).length === 3);
    dev.signal('SIGKILL');
    await waitFor(async () => (await readSurvivors(directory)).length === 0);
  });
});

describe('packages that are not there', () => {
  const lacking =
    /1 of \d+ packages? not as in [a-z-]+\.(json|txt)\.\n {2}(\S+) is not installed\n/;

  /** One that its lock names, and that is not installed. */
  async function makeLacking(): Promise<string> {
    const directory = await makeFolder();
    await makeProject(directory, { stack: 'fastify' });
    const dependencies = { zod: '4.0.0' };
    const packages = { '': { dependencies }, 'node_modules/zod': { version: '4.0.0' } };
    await writeFile(join(directory, 'package.json'), JSON.stringify({ dependencies }));
    await writeFile(join(directory, 'package-lock.json'), JSON.stringify({ packages }));
    return directory;
  }

  test('are named when the server does not start, with the command that installs them', async () => {
    const directory = await makeFolder();
    await makeInstalledProject(directory, 'flask');
    const site = await findSitePackages(directory);
    const [openai = ''] = (await readdir(site)).filter((name) => name.startsWith('openai-'));
    await rm(join(site, openai), { recursive: true });
    const { code, stderr } = await runCli('llm-api', ['dev'], { cwd: directory });
    expect(code).toBe(1);
    expect(stderr).toContain('The server ended by itself: python exited with code 1.\n');
    expect(lacking.exec(stderr)?.[2]).toBe('openai');
    expect(stderr).toMatch(/\nInstall them: python3 -m venv \.venv && .*requirements-dev\.txt\n$/);
  });

  test('are named when a watcher waits for a change after a failure', async () => {
    const directory = await makeLacking();
    const dev = startTool(['dev'], { cwd: directory, env: { FAKE: 'deaf' } });
    await dev.waitFor('\nInstall them: npm ci');
    expect(lacking.exec(dev.output())?.[2]).toBe('zod');
    dev.signal('SIGINT');
    expect((await dev.ended).code).toBe(0);
  });

  test('are no news where all are there', async () => {
    const directory = await makeLacking();
    await installNodePackage(directory, 'node_modules/zod', '4.0.0');
    const { stderr } = await runCli('llm-api', ['dev'], {
      cwd: directory,
      env: { FAKE: 'refuses' },
    });
    expect(stderr).toMatch(
      /\nerror The server ended by itself: .*\nIts own last words are above\.\n$/,
    );
  });
});

describe('the port', () => {
  test('one that was asked for and is taken is an error that names it', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    const port = await occupyPort();
    const { code, stderr } = await runCli('llm-api', ['dev', '--port', `${port}`], {
      cwd: directory,
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken (--port).`);
  });

  test('.env asks as well, and the environment wins over it', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    const [inFile, inEnvironment] = [await occupyPort(), await occupyPort()];
    await writeFile(join(directory, '.env'), `PORT=${inFile}\n`);
    const fromFile = await runCli('llm-api', ['dev'], { cwd: directory, env: { PORT: '' } });
    expect(fromFile.stderr).toContain(`Port ${inFile} on 127.0.0.1 is taken (PORT in .env).`);
    const env = { PORT: `${inEnvironment}` };
    const fromEnvironment = await runCli('llm-api', ['dev'], { cwd: directory, env });
    expect(fromEnvironment.stderr).toContain(`${inEnvironment} on 127.0.0.1 is taken (PORT in the`);
  });

  test('where nobody asked, a taken one is passed over', async () => {
    // Where somebody listens there already it is as taken as we would have it.
    await occupyPort(8000).catch((error) => expect(error.code).toBe('EADDRINUSE'));
    const { dev } = await startDev();
    const port = Number(new URL(addressOf(dev)).port);
    expect(port).toBeGreaterThan(8000);
    expect(await readServerEnv(dev)).toMatchObject({ HOST: '127.0.0.1', PORT: `${port}` });
  });

  test.each(['abc', '0', '65536'])('PORT=%s is refused', async (port) => {
    const directory = await makeFolder();
    await makeProject(directory);
    const { code, stderr } = await runCli('llm-api', ['dev'], {
      cwd: directory,
      env: { PORT: port },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`PORT in the environment is "${port}", which is not a port.`);
  });
});

describe('the upstream', () => {
  test('without a key the mock answers, and it is said', async () => {
    const { dev } = await startDev({ OPENAI_API_KEY: '', NO_PROXY: 'example.com' });
    const env = await readServerEnv(dev);
    expect(env.OPENAI_API_KEY).toBe('mock');
    expect(env.NO_PROXY).toBe('example.com,127.0.0.1');
    expect(dev.output()).toContain('OPENAI_API_KEY is not set: the built-in mock answers');
    expect(dev.output()).toContain(`upstream  the built-in mock, ${env.OPENAI_BASE_URL}`);
    expect((await fetch(`${env.OPENAI_BASE_URL}/models`)).status).toBe(200);
    dev.signal('SIGINT');
    await dev.ended;
    await expect(fetch(`${env.OPENAI_BASE_URL}/models`)).rejects.toThrow();
  });

  test('with a key in .env the server reads it itself', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    await writeFile(join(directory, '.env'), 'OPENAI_API_KEY=sk-secret\n');
    const dev = startTool(['dev'], { cwd: directory, env: { OPENAI_API_KEY: '' } });
    await dev.waitFor('is ready.');
    const env = await readServerEnv(dev);
    expect(env).not.toHaveProperty('OPENAI_API_KEY');
    expect(env).not.toHaveProperty('OPENAI_BASE_URL');
    expect(dev.output()).toContain('upstream  https://api.openai.com/v1');
    expect(dev.output()).not.toContain('mock');
    expect(dev.output()).not.toContain('sk-secret');
  });

  test('--mock spares the key', async () => {
    const { dev } = await startDev({ OPENAI_API_KEY: 'sk-secret' }, ['--mock']);
    expect((await readServerEnv(dev)).OPENAI_API_KEY).toBe('mock');
    expect(dev.output()).toContain('--mock: the built-in mock answers');
  });
});

describe('--ask', () => {
  test('prints the answer and goes on', async () => {
    const { dev } = await startDev({}, ['--ask', 'Say hi']);
    await dev.waitFor('> Say hi\nSay hi!\n');
    expect((await fetch(`${addressOf(dev)}/healthz`)).status).toBe(200);
    dev.signal('SIGINT');
    expect((await dev.ended).code).toBe(0);
  });

  test('says why there is no answer, and goes on', async () => {
    const { directory, dev } = await startDev({ FAKE: 'fails' }, ['--ask', 'Say hi']);
    await dev.waitFor('The server goes on.');
    expect(dev.output()).toContain('No answer: Upstream failed (502, request r1).');
    expect((await fetch(`${addressOf(dev)}/healthz`)).status).toBe(200);
    dev.signal('SIGINT');
    expect((await dev.ended).code).toBe(0);
    expect(await readSurvivors(directory)).toEqual([]);
  });
});

describe('the project', () => {
  test('is found from any folder inside it, and by its name', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    await mkdir(join(directory, 'a/b'), { recursive: true });
    for (const [cwd, args] of [
      [join(directory, 'a/b'), []],
      ['/', [directory]],
    ] as const) {
      const dev = startTool(['dev', ...args], { cwd });
      await dev.waitFor('Flask is ready.');
      dev.signal('SIGTERM');
      expect((await dev.ended).code).toBe(0);
    }
  });

  test('that is not there is an error with the way out', async () => {
    const { code, stderr } = await runCli('llm-api', ['dev'], { cwd: await makeFolder() });
    expect(code).toBe(1);
    expect(stderr).toContain('No project here');
    expect(stderr).toContain('npx create-llm-api');
  });

  test.each([
    ['flask', 'there is no .venv', 'python3 -m venv .venv'],
    ['fastify', 'there is no node_modules', 'npm ci'],
  ] as const)('%s that is not installed says how to', async (stack, problem, command) => {
    const directory = await makeFolder();
    await makeProject(directory, { stack, installed: false });
    const { code, stderr } = await runCli('llm-api', ['dev'], { cwd: directory });
    expect(code).toBe(1);
    expect(stderr).toContain(problem);
    expect(stderr).toContain(command);
  });
});
