import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { plainEnvironment, ROOT, runCli } from '../harness/cli.ts';
import { makeFileFolder } from '../harness/folder.ts';
import { installTarball } from '../harness/package.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The commands in the README's shell blocks, comments taken off. */
function readCommands(): readonly string[] {
  const blocks = [...README.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block.split('\n').flatMap((line) => line.replace(/\s+#.*$/, '').trim() || []),
  );
}

const commands = readCommands();
const folder = makeFileFolder();

beforeAll(() => installTarball(folder()), 120_000);

test('the two commands for a clone come first; the contract tier runs npm start, you run npm test', () => {
  expect(commands.slice(0, 2)).toEqual(['npm start', 'npm test']);
});

test.each(commands.slice(2))('%s', (command) => {
  // The package is installed here, so npx finds it without a registry.
  execFileSync('sh', ['-c', command], { cwd: folder(), env: plainEnvironment(), stdio: 'pipe' });
});

test('they made the projects that they name', async () => {
  const made = (await readdir(folder())).filter((name) => /^(my|with)-/.test(name));
  expect(made.sort()).toEqual(['my-express', 'my-fastapi', 'my-fastify', 'my-flask', 'with-key']);
});

describe('the README names every command and flag, and none that is not there', () => {
  const HELP = [
    ...['create', 'dev', 'start', 'generate', 'bench', 'mock', 'doctor', 'upgrade', 'add'],
    ...['remove', 'templates'],
  ];

  test.each(HELP)('%s', async (command) => {
    const { stdout } = await runCli('llm-api', [command, '--help']);
    const flags = stdout.match(/(?<=^ {2}(?:-\w, )?)--[a-z-]+/gm) ?? [];
    const start = README.search(new RegExp(`^### .*llm-api ${command}`, 'm'));
    const section = README.slice(start, README.indexOf('\n##', start + 4));
    expect(start).toBeGreaterThan(0);
    const named = new Set(section.match(/--(?:\[no-\])?[a-z-]+/g));
    const both = new Set(
      [...named].flatMap((flag) =>
        flag.startsWith('--[no-]') ? [`--${flag.slice(7)}`, `--no-${flag.slice(7)}`] : [flag],
      ),
    );
    for (const flag of flags.filter((name) => name !== '--help')) expect(both).toContain(flag);
  });
});
