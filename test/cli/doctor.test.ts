import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../harness/cli.ts';
import { find, KEY, makeProjects, readOnlyBad, readReport, runDoctor } from '../harness/doctor.ts';
import { makeProject } from '../harness/fake-project.ts';
import { findFreePort } from '../harness/free-port.ts';
import { addressOf, startTool } from '../harness/running.ts';

const copyProject = makeProjects('flask', 'express');

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
    expect(stdout).toContain('– model            gpt-4o: not checked (there is no key)\n');
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

describe('the port', () => {
  test('taken by another program, with one that is free', async () => {
    const directory = await copyProject('flask');
    const other = createServer().listen(0, '127.0.0.1');
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
    const directory = await copyProject('flask', `OPENAI_API_KYE=${KEY}\n`);
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'settings',
      mend: 'In .env, write OPENAI_API_KEY instead of OPENAI_API_KYE',
    });
  });

  test('without what production needs', async () => {
    const directory = await copyProject('flask', 'APP_ENV=production\n');
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
