import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder, runCli } from '../harness/cli.ts';
import { makeProject, readPids, readSurvivors, writeProgram } from '../harness/fake-project.ts';
import { findFreePort } from '../harness/free-port.ts';
import { findSitePackages, makeInstalledProject } from '../harness/installed-project.ts';
import { addressOf, type Running, startTool } from '../harness/running.ts';
import { waitFor } from '../harness/wait.ts';

async function startProduction(
  env: Readonly<Record<string, string>> = {},
  envFile = '',
): Promise<{ directory: string; start: Running }> {
  const directory = await makeFolder();
  await makeProject(directory);
  await writeFile(join(directory, '.env'), envFile);
  const start = startTool(['start', '--port', String(await findFreePort())], {
    cwd: directory,
    env,
  });
  await start.waitFor('is ready:');
  return { directory, start };
}

async function readServerEnv(start: Running): Promise<Record<string, string>> {
  const response = await fetch(`${addressOf(start)}/env`);
  return (await response.json()) as Record<string, string>;
}

test('runs as in production, without a mock, whatever .env says for development', async () => {
  const { start } = await startProduction({}, 'APP_ENV=development\n');
  const env = await readServerEnv(start);
  expect(env).toMatchObject({ APP_ENV: 'production', HOST: '127.0.0.1' });
  expect(env).not.toHaveProperty('OPENAI_API_KEY');
  expect(start.output()).not.toContain('mock');
});

test('leaves APP_ENV as the environment sets it', async () => {
  const { start } = await startProduction({ APP_ENV: 'development' });
  expect((await readServerEnv(start)).APP_ENV).toBe('development');
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'hands %s on as SIGTERM and waits for the graceful end',
  async (signal) => {
    const { directory, start } = await startProduction({ FAKE: 'drains,family' });
    await waitFor(async () => (await readPids(directory)).length === 3);
    start.signal(signal);
    const { code, stdout, seconds } = await start.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('the server got SIGTERM');
    expect(seconds).toBeGreaterThan(1);
    expect(await readSurvivors(directory)).toEqual([]);
  },
);

test('waits for DRAIN_TIMEOUT and a second, then kills', async () => {
  const { directory, start } = await startProduction({ FAKE: 'stubborn' }, 'DRAIN_TIMEOUT=0.5\n');
  start.signal('SIGTERM');
  const { code, stderr, seconds } = await start.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('did not end within 1.5 s and was killed');
  expect(seconds).toBeGreaterThan(1.4);
  expect(seconds).toBeLessThan(4);
  expect(await readSurvivors(directory)).toEqual([]);
});

test('does not wait after a second Ctrl-C', async () => {
  const { directory, start } = await startProduction({ FAKE: 'stubborn' });
  start.signal('SIGTERM');
  await start.waitFor('the server got SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 200));
  start.signal('SIGINT');
  expect((await start.ended).code).toBe(130);
  expect(await readSurvivors(directory)).toEqual([]);
});

test("ends with the server's own code when its end is not a clean one", async () => {
  const { start } = await startProduction({ FAKE: 'ends-badly' });
  start.signal('SIGTERM');
  expect((await start.ended).code).toBe(5);

  const crashing = await startProduction();
  await fetch(`${addressOf(crashing.start)}/crash`).catch(() => {});
  const { code, stderr } = await crashing.start.ended;
  expect(code).toBe(7);
  expect(stderr).toContain('The server ended: gunicorn exited with code 7.');
});

test('a server that refuses to start is heard, and the code is 1', async () => {
  const directory = await makeFolder();
  await makeProject(directory);
  const { code, stderr } = await runCli(
    'llm-api',
    ['start', '--port', String(await findFreePort())],
    {
      cwd: directory,
      env: { FAKE: 'refuses' },
    },
  );
  expect(code).toBe(1);
  expect(stderr).toContain('OPENAI_API_KEY: is needed in production');
  expect(stderr).toContain('The server did not start: gunicorn exited with code 3.');
});

test('programs that were installed in another folder are an error with the way out', async () => {
  const directory = await makeFolder();
  await makeProject(directory);
  await writeFile(join(directory, '.venv/bin/gunicorn'), '#!/no/longer/here/python\n');
  const { code, stderr } = await runCli(
    'llm-api',
    ['start', '--port', String(await findFreePort())],
    {
      cwd: directory,
    },
  );
  expect(code).toBe(1);
  expect(stderr).toContain('gunicorn was not found');
  expect(stderr).toContain('Remove .venv and install it again: python3 -m venv .venv');
});

test('takes no other port than the one it should', async () => {
  const directory = await makeFolder();
  await makeProject(directory);
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await writeFile(join(directory, '.env'), `PORT=${port}\n`);
  const { code, stderr } = await runCli('llm-api', ['start'], { cwd: directory });
  expect(code).toBe(1);
  expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken (PORT in .env).`);
});

test('builds first what has to be built', async () => {
  const directory = await makeFolder();
  await makeProject(directory, { stack: 'fastify' });
  await writeProgram(
    join(directory, 'node_modules/.bin/tsc'),
    "require('node:fs').writeFileSync('built', process.argv.slice(2).join(' '));",
  );
  const start = startTool(['start', '--port', String(await findFreePort())], { cwd: directory });
  await start.waitFor('Fastify is ready:');
  expect(await readFile(join(directory, 'built'), 'utf8')).toBe('-p tsconfig.build.json');
});

test('a build that fails is shown and nothing is started', async () => {
  const directory = await makeFolder();
  await makeProject(directory, { stack: 'fastify' });
  await writeProgram(
    join(directory, 'node_modules/.bin/tsc'),
    "console.log('src/app.ts(1,1): error TS1'); process.exit(2);",
  );
  const { code, stderr } = await runCli(
    'llm-api',
    ['start', '--port', String(await findFreePort())],
    {
      cwd: directory,
    },
  );
  expect(code).toBe(1);
  expect(stderr).toContain('The build failed: ');
  expect(stderr).toContain('src/app.ts(1,1): error TS1');
  expect(await readPids(directory)).toEqual([]);
});

test('--workers reaches a server that runs several processes', async () => {
  const directory = await makeFolder();
  await makeProject(directory, { stack: 'fastapi' });
  const args = ['start', '--port', String(await findFreePort()), '--workers', '3'];
  const start = startTool(args, { cwd: directory });
  await start.waitFor('is ready:');
  expect(await readServerEnv(start)).toMatchObject({ WORKERS: '3' });
});

test('--workers on a simple stack is wrong usage, and says where it is right', async () => {
  const directory = await makeFolder();
  await makeProject(directory);
  const { code, stderr } = await runCli('llm-api', ['start', '--workers', '2'], { cwd: directory });
  expect(code).toBe(2);
  expect(stderr).toContain('--workers is for the async stacks; Flask runs one process.');
});

test('names packages that are not installed when the server does not start', async () => {
  const directory = await makeFolder();
  await makeInstalledProject(directory, 'flask');
  await writeProgram(join(directory, '.venv/bin/gunicorn'), 'process.exit(3)');
  const site = await findSitePackages(directory);
  const [openai = ''] = (await readdir(site)).filter((name) => name.startsWith('openai-'));
  await rm(join(site, openai), { recursive: true });
  const { code, stderr } = await runCli(
    'llm-api',
    ['start', '--port', String(await findFreePort())],
    { cwd: directory },
  );
  expect(code).toBe(1);
  expect(stderr).toContain('The server did not start: gunicorn exited with code 3.\n');
  expect(stderr).toMatch(
    /packages not as in requirements-dev\.txt\.\n {2}openai is not installed\nInstall them: /,
  );
});
