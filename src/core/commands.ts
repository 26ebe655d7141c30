import { sh } from './escape.ts';
import type { PackageManager, StackCommands, StackManifest } from './stacks.ts';

/** One program to run: argv, and what to call it while it runs. */
export interface Step {
  readonly title: string;
  readonly argv: readonly string[];
}

/** Where Python is: the one that makes the venv, and the one inside it. */
export interface PythonPaths {
  readonly system: string;
  readonly venv: string;
}

/** As on Linux and macOS; the README's commands are written for these. */
const POSIX_PYTHON: PythonPaths = { system: 'python3', venv: '.venv/bin/python' };

/** Installs exactly what the lock says, tests and linters included. */
export function planInstall(
  packageManager: PackageManager,
  python: PythonPaths = POSIX_PYTHON,
): readonly Step[] {
  return INSTALL[packageManager](python);
}

const requirements = ['--require-hashes', '-r', 'requirements-dev.txt'];

const INSTALL: Readonly<Record<PackageManager, (python: PythonPaths) => readonly Step[]>> = {
  uv: () => [
    // uv does not look into a pyproject.toml that it does not manage for the version.
    { title: 'Creating .venv', argv: ['uv', 'venv', '--allow-existing', '--python', '>=3.11'] },
    { title: 'Installing Python packages', argv: ['uv', 'pip', 'install', ...requirements] },
  ],
  pip: (python) => [
    { title: 'Creating .venv', argv: [python.system, '-m', 'venv', '.venv'] },
    {
      title: 'Installing Python packages',
      argv: [python.venv, '-m', 'pip', 'install', '--disable-pip-version-check', ...requirements],
    },
  ],
  npm: () => [{ title: 'Installing npm packages', argv: ['npm', 'ci', '--no-audit', '--no-fund'] }],
  pnpm: () => [{ title: 'Installing packages with pnpm', argv: ['pnpm', 'install'] }],
  yarn: () => [{ title: 'Installing packages with yarn', argv: ['yarn', 'install'] }],
  bun: () => [{ title: 'Installing packages with bun', argv: ['bun', 'install'] }],
};

/** What to type in the project's folder, for its README and for the closing message. */
export interface CommandTexts {
  readonly install: string;
  readonly dev: string;
  readonly build: string;
  readonly start: string;
  readonly test: string;
  readonly lint: string;
}

/**
 * The project's own commands as one types them with `packageManager`.
 * `lint` is one line a command; `build` is empty where there is nothing to build.
 */
export function formatCommands(
  manifest: Pick<StackManifest, 'language' | 'commands'>,
  packageManager: PackageManager,
): CommandTexts {
  const install = planInstall(packageManager)
    .map((step) => formatArgv(step.argv))
    .join(' && ');
  const text =
    manifest.language === 'python'
      ? pythonCommands(manifest.commands, packageManager === 'uv' ? 'uv run ' : '.venv/bin/')
      : scriptCommands(packageManager);
  return { install, ...text };
}

function pythonCommands(commands: StackCommands, prefix: string): Omit<CommandTexts, 'install'> {
  const run = (argv: readonly string[]): string => `${prefix}${formatArgv(argv)}`;
  return {
    dev: run(commands.dev),
    build: '',
    start: run(commands.start),
    test: run(commands.test),
    lint: commands.lint.map(run).join('\n'),
  };
}

/** A Node project's commands are its scripts, which every package manager runs. */
function scriptCommands(packageManager: PackageManager): Omit<CommandTexts, 'install'> {
  const run = packageManager === 'npm' ? 'npm run ' : `${packageManager} run `;
  return {
    dev: `${run}dev`,
    build: `${run}build`,
    start: `${run}start`,
    test: `${run}test`,
    lint: `${run}lint`,
  };
}

/** An argv as one line for a POSIX shell. */
export function formatArgv(argv: readonly string[]): string {
  return argv.map(sh).join(' ');
}

/**
 * How to call this tool: by its own name where that is ours on the PATH, else through npx, by the
 * package's name, because another package called `llm-api` exists.
 */
export function formatTool(version: string, onPath: boolean): string {
  return onPath ? 'llm-api' : `npx -p create-llm-api@${version} llm-api`;
}

/**
 * Signing is off for this one commit: it could stop and ask for a passphrase where nobody sees it.
 */
export const GIT_STEPS: readonly Step[] = [
  { title: 'Creating a git repository', argv: ['git', 'init', '--quiet', '--initial-branch=main'] },
  { title: 'Adding the files to it', argv: ['git', 'add', '--all'] },
  {
    title: 'Making the first commit',
    argv: [
      'git',
      '-c',
      'commit.gpgsign=false',
      'commit',
      '--quiet',
      '--message=Start from create-llm-api',
    ],
  },
];
