import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { publint } from 'publint';
import { beforeAll, describe, expect, test } from 'vitest';
import { ADDONS } from '../../src/core/addons.ts';
import { DEFAULT_BASE_URL, DEFAULT_MODEL } from '../../src/core/answers.ts';
import { render } from '../../src/core/render.ts';
import { layoutOf, PACKAGE_MANAGERS, type PackageManager, STACKS } from '../../src/core/stacks.ts';
import { readAddonManifest } from '../../src/effects/read-addons.ts';
import { readProjectTemplate } from '../../src/effects/templates.ts';
import { plainEnvironment, ROOT } from '../harness/cli.ts';
import { makeFileFolder } from '../harness/folder.ts';
import { findFreePort } from '../harness/free-port.ts';
import { installTarball, type Packed } from '../harness/package.ts';
import { waitFor } from '../harness/wait.ts';

const folder = makeFileFolder();
let packed: Packed;

beforeAll(() => {
  packed = installTarball(folder());
}, 120_000);

describe('the tarball', () => {
  test('holds the program, the templates, the licences and nothing else', () => {
    const tops = new Set(packed.files.map(({ path }) => path.split('/')[0]));
    expect([...tops].sort()).toEqual([
      'LICENSE',
      'README.md',
      'THIRD-PARTY-NOTICES',
      'bin',
      'dist',
      'package.json',
      'templates',
    ]);
  });

  test('is under 2 MB unpacked', () => {
    expect(packed.unpackedSize).toBeLessThan(2_000_000);
  });

  test('has every template file that the repository has, as it is or compiled', () => {
    const tracked = execFileSync('git', ['ls-files', 'templates'], { cwd: ROOT, encoding: 'utf8' });
    const installed = join(folder(), 'node_modules/create-llm-api');
    const load = createRequire(import.meta.url);
    for (const path of tracked.trim().split('\n')) {
      const [, group = '', inside = ''] = /^templates\/([^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
      const text = readFileSync(join(ROOT, path), 'utf8');
      const packed = join(installed, 'dist/templates', group);
      if (/^(stack|addon)\.json$/.test(inside)) {
        expect(readFileSync(join(installed, path), 'utf8'), path).toBe(text);
      } else if (/\.ejs$/.test(inside)) {
        expect(load(`${packed}.cjs`)[inside], path).toBeTypeOf('function');
      } else {
        expect(load(`${packed}.json`)[inside]?.text, path).toBe(text);
      }
    }
  });

  test('renders what the templates say where they lie', async () => {
    const args = ['--no-install', '--no-git', '--no-key', '-p'];
    for (const { name, language } of STACKS) {
      const addons = ADDONS.filter((addon) =>
        readAddonManifest(addon).layouts.includes(layoutOf(name)),
      );
      const answers = {
        name: `all-${name}`,
        stack: name,
        addons,
        model: DEFAULT_MODEL,
        baseUrl: DEFAULT_BASE_URL,
        packageManager: PACKAGE_MANAGERS[language][0] as PackageManager,
      };
      const expected = render(answers, await readProjectTemplate(answers), packed.version);
      execFileSync(
        'npx',
        [
          ...['--no-install', 'create-llm-api', answers.name, '-t', name],
          ...['--with', addons.join(','), ...args, answers.packageManager],
        ],
        { cwd: folder(), env: plainEnvironment(), stdio: 'pipe' },
      );
      for (const [path, { text }] of expected) {
        expect(readFileSync(join(folder(), answers.name, path), 'utf8'), path).toBe(text);
      }
    }
  });

  test('names the licence of every package whose code is in the bundle', async () => {
    const notices = await readFile(join(ROOT, 'THIRD-PARTY-NOTICES'), 'utf8');
    for (const name of ['commander', 'ejs', 'execa', 'inquirer', 'node-diff3', 'openai']) {
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.`, 'm'));
    }
  });

  test('names no address of a registry and no path of the machine that built it', async () => {
    const found = packed.files.flatMap(({ path }) =>
      /^(dist|templates)\//.test(path) ? [path] : [],
    );
    for (const path of found) {
      const text = await readFile(join(ROOT, path), 'utf8');
      expect(text, path).not.toContain(ROOT);
      if (/lock|requirements/.test(path)) {
        expect(text, path).not.toMatch(/registry\.|--index-url|--find-links|"resolved"/);
      }
    }
  });

  test('publint finds nothing', async () => {
    const { messages } = await publint({ pkgDir: ROOT, level: 'suggestion' });
    expect(messages).toEqual([]);
  });
});

describe('installed into an empty folder', () => {
  const npx = (...args: string[]): string =>
    execFileSync('npx', ['--no-install', ...args], {
      cwd: folder(),
      env: plainEnvironment(),
      encoding: 'utf8',
    });

  test('is one package: nothing else comes with it', async () => {
    const names = (await readdir(join(folder(), 'node_modules'))).filter(
      (name) => !/^\./.test(name),
    );
    expect(names).toEqual(['create-llm-api']);
  });

  test('npx runs it, and every stack renders', () => {
    for (const stack of ['fastapi', 'flask', 'fastify', 'express']) {
      npx('create-llm-api', `my-${stack}`, '-t', stack, '--no-install', '--no-git');
      expect(existsSync(join(folder(), `my-${stack}`, '.gitignore'))).toBe(true);
    }
  });

  test('what it says to type next does not count on a PATH that only npx had', () => {
    const args = ['create-llm-api', 'next', '-t', 'flask', '--no-install', '--no-git', '--json'];
    const { next } = JSON.parse(npx(...args));
    expect(next.at(-1)).toMatch(/^npx -p create-llm-api@\d+\.\d+\.\d+ llm-api dev$/);
  });

  test('the commands that are loaded late are all there', async () => {
    expect(JSON.parse(npx('llm-api', 'templates', '--json'))).toHaveLength(4);
    const mock = spawn(
      'npx',
      ['--no-install', 'llm-api', 'mock', '--port', `${await findFreePort()}`],
      {
        cwd: folder(),
        env: plainEnvironment(),
        detached: true,
      },
    );
    let output = '';
    mock.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await waitFor(() => /http:\/\/127\.0\.0\.1:\d+\/v1/.test(output));
    process.kill(-(mock.pid as number), 'SIGTERM');
  });
});
