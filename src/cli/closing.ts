import { type Answers, DEFAULT_BASE_URL, DEFAULT_MODEL } from '../core/answers.ts';
import { formatArgv, formatTool, type Step } from '../core/commands.ts';
import { sh } from '../core/escape.ts';

interface AgainOptions {
  readonly install: boolean;
  readonly git: boolean;
  readonly key: string | undefined;
  readonly overwrite: boolean;
  readonly version: string;
}

/** The command that makes the same project again and asks nothing; the version is pinned. */
export function formatAgain(
  directory: string,
  answers: Answers,
  { install, git, key, overwrite, version }: AgainOptions,
): string {
  return formatArgv([
    'npx',
    `create-llm-api@${version}`,
    directory,
    '--template',
    answers.stack,
    // Without add-ons there is no flag that says so.
    ...(answers.addons.length === 0 ? ['--yes'] : ['--with', answers.addons.join(',')]),
    '--package-manager',
    answers.packageManager,
    ...(answers.model === DEFAULT_MODEL ? [] : ['--model', answers.model]),
    ...(answers.baseUrl === DEFAULT_BASE_URL ? [] : ['--base-url', answers.baseUrl]),
    install ? '--install' : '--no-install',
    git ? '--git' : '--no-git',
    // Never the key itself: a command line is seen by others, and kept in a history.
    key === undefined ? '--no-key' : '--key-stdin',
    ...(overwrite ? ['--overwrite'] : []),
  ]);
}

/** What to type next, one command a line. */
export function formatNext(
  cd: string,
  { install, version, onPath }: { install: string | undefined; version: string; onPath: boolean },
): readonly string[] {
  return [
    ...(cd === '' ? [] : [`cd ${sh(cd)}`]),
    ...(install === undefined ? [] : [install]),
    `${formatTool(version, onPath)} dev`,
  ];
}

/** One line that does what a failed run left undone: every step that did not end well. */
export function formatRecovery(cd: string, undone: readonly Step[]): string {
  const commands = undone.map((step) => formatArgv(step.argv));
  return [...(cd === '' ? [] : [`cd ${sh(cd)}`]), ...commands].join(' && ');
}
