import { cp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../../src/core/doctor.ts';
import { type MockOptions, startMock } from '../../src/mock/index.ts';
import { makeFolder, type Outcome, runCli } from '../harness/cli.ts';
import { makeProject } from '../harness/fake-project.ts';
import { makeFileFolder } from '../harness/folder.ts';
import { findFreePort } from '../harness/free-port.ts';
import {
  findSitePackages,
  installNodePackage,
  installPythonPackage,
  makeInstalledProject,
} from '../harness/installed-project.ts';
import { addressOf, startTool } from '../harness/running.ts';

const KEY = 'sk-canary-7c2e91';
const folder = makeFileFolder();

beforeAll(async () => {
  await makeInstalledProject(join(folder(), 'flask'), 'flask');
  await makeInstalledProject(join(folder(), 'express'), 'express');
});

/** A project of this test's own, healthy until the test has been at it. */
async function copyProject(stack: 'flask' | 'express'): Promise<string> {
  const directory = join(await makeFolder(), 'my-api');
  await cp(join(folder(), stack), directory, { recursive: true, verbatimSymlinks: true });
  await writeFile(join(directory, '.env'), `PORT=${await findFreePort()}\n`);
  return directory;
}

async function appendEnv(directory: string, lines: string): Promise<void> {
  await writeFile(join(directory, '.env'), `PORT=${await findFreePort()}\n${lines}`);
}

type Env = Readonly<Record<string, string | undefined>>;

/** What a machine that has a proxy would add to each line. */
const NO_PROXIES = Object.fromEntries(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
    [name, undefined],
    [name.toLowerCase(), undefined],
  ]),
);

function runDoctor(cwd: string, args: readonly string[] = [], env: Env = {}): Promise<Outcome> {
  return runCli('llm-api', ['doctor', ...args], { cwd, env: { ...NO_PROXIES, ...env } });
}

interface Report {
  readonly code: number;
  readonly ok: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly checks: readonly Finding[];
}

async function readReport(cwd: string, env: Env = {}): Promise<Report> {
  const { code, stdout, stderr } = await runDoctor(cwd, ['--json'], env);
  expect(stdout + stderr).not.toContain(KEY);
  return { code, ...JSON.parse(stdout) };
}

/** The one finding that is bad, in a project that is otherwise healthy. */
async function readOnlyBad(cwd: string, env: Env = {}): Promise<Finding | undefined> {
  const { code, ok, checks } = await readReport(cwd, env);
  const found = checks.filter(({ verdict }) => verdict === 'bad');
  expect({ code, ok, bad: found.map(({ name }) => name) }).toEqual({
    code: 1,
    ok: false,
    bad: [found[0]?.name],
  });
  return found[0];
}

async function find(name: string, cwd: string, env: Env = {}): Promise<Finding | undefined> {
  return (await readReport(cwd, env)).checks.find((check) => check.name === name);
}

async function serveMock(options: MockOptions = {}) {
  const mock = await startMock(options);
  onTestFinished(() => mock.close());
  return mock;
}

describe('a healthy project', () => {
  test('of Python: one line a check, a summary, and what to do next', async () => {
    const directory = await copyProject('flask');
    const { code, stdout, stderr } = await runDoctor(directory);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(
      `Flask in ${directory}\n\n✔ node             ${process.versions.node}`,
    );
    expect(stdout).toMatch(/^✔ python {11}3\.\d+\.\d+\S* in \.venv \(3\.11 or newer is needed\)$/m);
    expect(stdout).toContain('✔ package-manager  pip 23.2.1 in .venv\n');
    expect(stdout).toMatch(/^✔ dependencies {5}\d+ packages as in requirements-dev\.txt$/m);
    expect(stdout).toMatch(/^✔ port {13}\d+ on 127\.0\.0\.1 is free$/m);
    expect(stdout).toContain('✔ settings         1 name in .env\n');
    expect(stdout).toContain('production also needs OPENAI_API_KEY\n');
    expect(stdout).toContain('– key              there is none: "dev" answers with the');
    expect(stdout).toContain('✔ proxy            none set: api.openai.com is called directly\n');
    expect(stdout).toMatch(/^✔ files {12}\d+ files of the template, all as they were written$/m);
    expect(stdout).toMatch(/\n\n9 good, 2 skipped\.\nNext: .*llm-api.* dev\n$/);
    expect(stdout).not.toContain('\x1b');
  });

  test('of TypeScript, from a folder inside it, as one document', async () => {
    const directory = await copyProject('express');
    const { code, ok, counts, checks } = await readReport(join(directory, '.llm-api'));
    expect({ code, ok, counts }).toEqual({
      code: 0,
      ok: true,
      counts: { good: 8, bad: 0, skipped: 2 },
    });
    expect(checks.map(({ name }) => name)).toEqual([
      ...['node', 'package-manager', 'dependencies', 'port', 'settings'],
      ...['key', 'model', 'proxy', 'record', 'files'],
    ]);
  });

  test('is not changed by looking', async () => {
    const directory = await copyProject('flask');
    const before = await readdir(directory, { recursive: true });
    await runDoctor(directory);
    expect(await readdir(directory, { recursive: true })).toEqual(before);
  });
});

describe('Python', () => {
  test('a package of another version, and one that is missing', async () => {
    const directory = await copyProject('flask');
    const site = await findSitePackages(directory);
    for (const name of await readdir(site)) {
      if (/^(openai|werkzeug)-/.test(name)) await rm(join(site, name), { recursive: true });
    }
    await installPythonPackage(directory, 'openai', '1.0.0');
    const finding = await readOnlyBad(directory);
    expect(finding?.name).toBe('dependencies');
    expect(finding?.details).toEqual([
      expect.stringMatching(/^openai is 1\.0\.0, locked is \d/),
      'werkzeug is not installed',
    ]);
    expect(finding?.mend).toContain('pip install --disable-pip-version-check --require-hashes');
  });

  test('installed as for production, without the tools', async () => {
    const directory = await copyProject('flask');
    const needed = await readFile(join(directory, 'requirements.txt'), 'utf8');
    const site = await findSitePackages(directory);
    for (const name of await readdir(site)) {
      const [, plain = ''] = /^(.+)-[^-]+\.dist-info$/.exec(name.replaceAll('_', '-')) ?? [];
      const isTool = plain !== 'pip' && !needed.includes(`\n${plain}==`);
      if (isTool && !needed.startsWith(plain)) await rm(join(site, name), { recursive: true });
    }
    const finding = await find('dependencies', directory);
    expect(finding).toMatchObject({ verdict: 'good' });
    expect(finding?.text).toContain('without those for tests and lint');
  });

  test('nothing installed', async () => {
    const directory = await copyProject('flask');
    await rm(join(directory, '.venv'), { recursive: true });
    const finding = await readOnlyBad(directory);
    expect(finding).toMatchObject({
      name: 'dependencies',
      text: 'not installed: there is no .venv',
    });
    expect(finding?.mend).toMatch(/^python3 -m venv \.venv && /);
  });

  test('a .venv whose Python is gone', async () => {
    const directory = await copyProject('flask');
    await rm(join(directory, '.venv/bin/python'));
    await symlink('/no/longer/here', join(directory, '.venv/bin/python'));
    const finding = await readOnlyBad(directory);
    expect(finding).toMatchObject({ name: 'python', text: 'the one in .venv does not start' });
    expect(finding?.mend).toMatch(/^rm -r \.venv && python3 -m venv \.venv && /);
  });

  test('a .venv that was moved: its programs still name the old place', async () => {
    const directory = await copyProject('flask');
    await writeFile(join(directory, '.venv/bin/gunicorn'), '#!/no/longer/here/bin/python\n');
    const finding = await readOnlyBad(directory);
    expect(finding).toMatchObject({
      name: 'dependencies',
      text: 'installed in another folder: /no/longer/here/bin/python is not there',
    });
    expect(finding?.mend).toMatch(/^rm -r \.venv && /);
  });

  test('one that is too old for the project', async () => {
    const directory = await copyProject('flask');
    const path = join(directory, 'pyproject.toml');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('requires-python = ">=3.11"', 'requires-python = ">=3.99"'));
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'python',
      mend: 'Install Python 3.99 or newer: https://www.python.org/downloads',
    });
  });

  test('no pip in .venv, and no uv where the project wants it', async () => {
    const directory = await copyProject('flask');
    const site = await findSitePackages(directory);
    await rm(join(site, 'pip-23.2.1.dist-info'), { recursive: true });
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'package-manager',
      mend: '.venv/bin/python -m ensurepip',
    });
    const record = join(directory, '.llm-api/project.json');
    await writeFile(record, (await readFile(record, 'utf8')).replace('"pip"', '"uv"'));
    expect(await readOnlyBad(directory, { PATH: '/nowhere' })).toMatchObject({
      name: 'package-manager',
      text: 'uv is not there, or does not start',
    });
  });
});

describe('Node', () => {
  test('one that is too old for the project', async () => {
    const directory = await copyProject('express');
    const path = join(directory, 'package.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('>=20.17', '>=99.1'));
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'node',
      mend: 'Install Node 99.1 or newer: https://nodejs.org',
    });
  });

  test('a package of another version, and one that is missing', async () => {
    const directory = await copyProject('express');
    await installNodePackage(directory, 'node_modules/zod', '0.0.1');
    await rm(join(directory, 'node_modules/express'), { recursive: true });
    const finding = await readOnlyBad(join(directory, 'node_modules'));
    expect(finding?.details).toEqual([
      expect.stringMatching(/^zod is 0\.0\.1, locked is \d/),
      'express is not installed',
    ]);
    expect(finding?.mend).toBe('cd .. && npm ci --no-audit --no-fund');
  });

  test('a manifest that asks for what the lock does not have', async () => {
    const directory = await copyProject('express');
    const path = join(directory, 'package.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    manifest.dependencies.hono = '4.0.0';
    await writeFile(path, JSON.stringify(manifest));
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'dependencies',
      text: 'package.json and package-lock.json do not agree on hono',
      mend: 'npm install',
    });
  });

  test('a package manager that is not there', async () => {
    const directory = await copyProject('express');
    expect(await readOnlyBad(directory, { PATH: '/nowhere' })).toMatchObject({
      name: 'package-manager',
      text: 'npm is not there, or does not start',
    });
  });

  test('another package manager than the first: the direct dependencies are compared', async () => {
    const directory = await copyProject('express');
    await rm(join(directory, 'package-lock.json'));
    await writeFile(join(directory, 'pnpm-lock.yaml'), '');
    expect((await find('dependencies', directory))?.text).toMatch(
      /^\d+ packages as in package\.json; what they need themselves is left to pnpm$/,
    );
    await installNodePackage(directory, 'node_modules/zod', '0.0.1');
    const finding = await find('dependencies', directory);
    expect(finding).toMatchObject({ verdict: 'bad', mend: 'pnpm install' });
  });
});

describe('the port', () => {
  test('taken by another program, with one that is free', async () => {
    const directory = await copyProject('flask');
    const other = createSocketServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await writeFile(join(directory, '.env'), `PORT=${port}\n`);
    const finding = await readOnlyBad(directory);
    expect(finding?.text).toBe(`${port} on 127.0.0.1 is taken by another program`);
    expect(finding?.mend).toMatch(/PORT=\d+ in \.env$/);
  });

  test('taken by the server of this very project', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    const dev = startTool(['dev', '--port', String(await findFreePort())], { cwd: directory });
    await dev.waitFor('is ready.');
    const { port } = new URL(addressOf(dev));
    await writeFile(join(directory, '.env'), `PORT=${port}\n`);
    expect(await find('port', directory)).toMatchObject({
      verdict: 'good',
      text: `${port} on 127.0.0.1: this project's server runs`,
    });
  });

  test('that is none', async () => {
    const directory = await copyProject('flask');
    await writeFile(join(directory, '.env'), 'PORT=http\n');
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'port',
      text: 'PORT in .env is "http", which is not a port',
    });
  });
});

describe('.env', () => {
  test('with a misspelled name', async () => {
    const directory = await copyProject('flask');
    await appendEnv(directory, `OPENAI_API_KYE=${KEY}\n`);
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'settings',
      mend: 'In .env, write OPENAI_API_KEY instead of OPENAI_API_KYE',
    });
  });

  test('without what production needs', async () => {
    const directory = await copyProject('flask');
    await appendEnv(directory, 'APP_ENV=production\n');
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'settings',
      text: 'APP_ENV is production, and OPENAI_API_KEY is not set',
    });
  });

  test('that is a folder is one bad line, and the rest is looked at', async () => {
    const directory = await copyProject('flask');
    await rm(join(directory, '.env'));
    await cp(join(directory, '.llm-api'), join(directory, '.env'), { recursive: true });
    const { checks } = await readReport(directory);
    expect(checks.find(({ name }) => name === 'settings')?.text).toContain(
      'cannot be read (EISDIR)',
    );
    expect(checks).toHaveLength(11);
  });
});

describe('the key and the model', () => {
  test('are asked for, without an answer being asked for', async () => {
    const mock = await serveMock();
    const directory = await copyProject('flask');
    await appendEnv(directory, `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`);
    const { code, checks } = await readReport(directory);
    expect(code).toBe(0);
    expect(checks.find(({ name }) => name === 'key')?.text).toMatch(
      /^127\.0\.0\.1:\d+ takes it, and lists \d+ models \(asked for free\)$/,
    );
    expect(checks.find(({ name }) => name === 'model')).toMatchObject({
      verdict: 'good',
      text: 'gpt-4o: the provider has it',
    });
    expect(mock.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/models',
      'GET /v1/models/gpt-4o',
    ]);
  });

  test('a model that the provider does not have, with the nearest that it has', async () => {
    const mock = await serveMock();
    const directory = await copyProject('flask');
    const env = `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\nLLM_MODEL=mock-unavailabel\n`;
    await appendEnv(directory, env);
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'model',
      text: 'the provider does not have mock-unavailabel',
      details: ['mock-unavailabel: did you mean mock-unavailable?'],
    });
  });

  test.each([
    ['unauthorized', 'answered 401', 'look at OPENAI_API_KEY'],
    ['rate-limited', 'answered 429', 'The key works'],
    ['server-error', 'answered 500', undefined],
    ['not-json', 'answered with something that is not JSON', 'usually ends in /v1'],
    ['reset-before', 'cannot be reached', 'Is OPENAI_BASE_URL right'],
  ] as const)('a provider that meets %s', async (fault, text, mend) => {
    const mock = await serveMock({ fault });
    const directory = await copyProject('flask');
    await appendEnv(directory, `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`);
    const finding = await readOnlyBad(directory);
    expect(finding?.name).toBe('key');
    expect(finding?.text).toContain(text);
    if (mend) expect(finding?.mend).toContain(mend);
  });

  test('never show the key, nor a secret in the address', async () => {
    const server = createServer((request, response) => {
      const message = `Incorrect API key provided: ${request.headers.authorization}`;
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message } }));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const directory = await copyProject('flask');
    const url = `http://127.0.0.1:${port}/v1?secret=${KEY}`;
    await appendEnv(directory, `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${url}\n`);
    const finding = await readOnlyBad(directory);
    expect(finding?.text).toContain('Incorrect API key provided: Bearer …');
    expect((await runDoctor(directory)).stdout).not.toContain(KEY);
  });

  test('a key with a space in it is not sent anywhere', async () => {
    const mock = await serveMock();
    const directory = await copyProject('flask');
    await appendEnv(directory, `OPENAI_API_KEY="${KEY} x"\nOPENAI_BASE_URL=${mock.url}\n`);
    const finding = (await readReport(directory)).checks.find(({ name }) => name === 'key');
    expect(finding?.text).toBe('The one in .env has characters that no key has');
    expect(mock.requests).toEqual([]);
  });

  describe('that nobody answers', () => {
    async function startWaiting() {
      const mock = await serveMock({ fault: 'hang' });
      const directory = await copyProject('flask');
      await appendEnv(directory, `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`);
      const doctor = startTool(['doctor'], { cwd: directory, env: NO_PROXIES });
      await doctor.waitFor('Looking at key, model …');
      return doctor;
    }

    test('are waited for for a few seconds, which is said after the first', async () => {
      const { code, stdout } = await (await startWaiting()).ended;
      expect(code).toBe(1);
      expect(stdout).toContain('did not answer within 5 s\n');
    });

    test('are not waited for after Ctrl-C', async () => {
      const doctor = await startWaiting();
      doctor.signal('SIGINT');
      expect(await doctor.ended).toMatchObject({ code: 130, stdout: '' });
    });
  });
});

test('a proxy is told, and a SOCKS proxy that keeps the server from starting is bad', async () => {
  const directory = await copyProject('flask');
  const https = await find('proxy', directory, { HTTPS_PROXY: 'http://me:secret@10.0.0.1:3128' });
  expect(https).toMatchObject({
    verdict: 'good',
    text: 'api.openai.com is called through http://…@10.0.0.1:3128',
  });
  const socks = await readOnlyBad(directory, { ALL_PROXY: 'socks5://127.0.0.1:9' });
  expect(socks?.name).toBe('proxy');
});

describe('the record', () => {
  test('files that were changed and deleted since are listed, and are not bad', async () => {
    const directory = await copyProject('flask');
    await writeFile(join(directory, 'dev.py'), 'print("mine")\n');
    await rm(join(directory, 'AGENTS.md'));
    const { code, checks } = await readReport(directory);
    expect(code).toBe(0);
    expect(checks.at(-1)).toMatchObject({
      verdict: 'good',
      details: ['changed dev.py', 'deleted AGENTS.md'],
    });
  });

  test('of an older version names the command that would bring it up to date', async () => {
    const directory = await copyProject('flask');
    const path = join(directory, '.llm-api/project.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"version": "[^"]+"/, '"version": "0.0.1"'));
    const finding = await find('record', directory);
    expect(finding?.verdict).toBe('good');
    expect(finding?.text).toMatch(/^made by create-llm-api 0\.0\.1; ".*llm-api upgrade --check"/);
  });

  test('without the files as they were', async () => {
    const directory = await copyProject('flask');
    await rm(join(directory, '.llm-api/base.json'));
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'record',
      mend: 'git restore .llm-api/base.json',
    });
  });

  test('that nobody can read leaves little to look at', async () => {
    const directory = await copyProject('flask');
    await writeFile(join(directory, '.llm-api/project.json'), '<<<<<<< HEAD\n');
    const { code, stdout } = await runDoctor(directory);
    expect(code).toBe(1);
    expect(stdout).toContain('✖ record  .llm-api/project.json is not JSON\n');
    expect(stdout).toContain('→ Restore it from git.');
    expect(stdout).toMatch(/1 bad, 1 good\.\nNext: mend "record", then look again: /);
  });

  test('that is not there: no project', async () => {
    const { code, stdout, stderr } = await runDoctor(await makeFolder());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('No project here');
  });
});
