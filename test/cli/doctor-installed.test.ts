import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { find, makeProjects, readOnlyBad } from '../harness/doctor.ts';
import {
  findSitePackages,
  installNodePackage,
  installPythonPackage,
} from '../harness/installed-project.ts';

const copyProject = makeProjects('flask', 'express');

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
