import { describe, expect, test } from 'vitest';
import { formatArgv, formatCommands, formatTool, planInstall } from '../../src/core/commands.ts';
import type { PackageManager, StackManifest } from '../../src/core/stacks.ts';

type Manifest = Pick<StackManifest, 'language' | 'commands'>;

const python: Manifest = {
  language: 'python',
  commands: {
    dev: ['python', 'dev.py'],
    start: ['gunicorn', 'app:create_app()'],
    test: ['pytest'],
    lint: [['ruff', 'check'], ['mypy']],
  },
};
const typescript: Manifest = {
  language: 'typescript',
  commands: {
    dev: ['tsx', 'watch', 'src/server.ts'],
    build: ['tsc'],
    start: ['node', 'dist/server.js'],
    test: ['vitest', 'run'],
    lint: [['biome', 'check']],
  },
};

const HASHED = '--require-hashes -r requirements-dev.txt';

const TABLE: readonly (readonly [PackageManager, Manifest, readonly string[]])[] = [
  [
    'uv',
    python,
    [
      `uv venv --allow-existing --python '>=3.11' && uv pip install ${HASHED}`,
      'uv run python dev.py',
      '',
      "uv run gunicorn 'app:create_app()'",
      'uv run pytest',
      'uv run ruff check\nuv run mypy',
    ],
  ],
  [
    'pip',
    python,
    [
      `python3 -m venv .venv && .venv/bin/python -m pip install --disable-pip-version-check ${HASHED}`,
      '.venv/bin/python dev.py',
      '',
      ".venv/bin/gunicorn 'app:create_app()'",
      '.venv/bin/pytest',
      '.venv/bin/ruff check\n.venv/bin/mypy',
    ],
  ],
  ['npm', typescript, ['npm ci --no-audit --no-fund', ...scripts('npm')]],
  ['pnpm', typescript, ['pnpm install', ...scripts('pnpm')]],
  ['yarn', typescript, ['yarn install', ...scripts('yarn')]],
  ['bun', typescript, ['bun install', ...scripts('bun')]],
];

function scripts(program: string): string[] {
  return ['dev', 'build', 'start', 'test', 'lint'].map((name) => `${program} run ${name}`);
}

test.each(TABLE)('what one types with %s', (packageManager, manifest, expected) => {
  const { install, dev, build, start, test, lint } = formatCommands(manifest, packageManager);
  expect([install, dev, build, start, test, lint]).toEqual(expected);
});

describe('what is run', () => {
  test('pip goes through the Python that was found', () => {
    const steps = planInstall('pip', { system: 'py', venv: '.venv\\Scripts\\python.exe' });
    expect(steps.map(({ argv }) => argv.slice(0, 3))).toEqual([
      ['py', '-m', 'venv'],
      ['.venv\\Scripts\\python.exe', '-m', 'pip'],
    ]);
  });

  test('every step has a title', () => {
    const managers = TABLE.map(([name]) => name);
    expect(managers.flatMap((name) => planInstall(name)).filter(({ title }) => !title)).toEqual([]);
  });
});

test('an argv as a line for a shell', () => {
  expect(formatArgv(['cd', "it's here", '$HOME', ''])).toBe("cd 'it'\\''s here' '$HOME' ''");
});

test('the tool, on the PATH and not', () => {
  expect(formatTool('1.2.3', true)).toBe('llm-api');
  expect(formatTool('1.2.3', false)).toBe('npx -p create-llm-api@1.2.3 llm-api');
});
