import { usageError } from '../core/errors.ts';
import { type Language, PACKAGE_MANAGERS, type PackageManager } from '../core/stacks.ts';
import { isOnPath } from './programs.ts';

/**
 * Who installs: the flag, else the one that this program was called with (npm, pnpm, yarn and bun
 * say so in `npm_config_user_agent`) where it fits the language, else npm; for Python uv where it
 * is there, else venv and pip.
 *
 * @throws CliError (2) when the flag names one that does not install this language
 */
export async function choosePackageManager(
  language: Language,
  flag: PackageManager | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<PackageManager> {
  const fitting = PACKAGE_MANAGERS[language];
  if (flag) {
    if (fitting.includes(flag)) return flag;
    throw usageError(
      `--package-manager ${flag} does not install a ${language} project.`,
      `For ${language} there are: ${fitting.join(', ')}.`,
    );
  }
  const caller = env.npm_config_user_agent?.split('/')[0];
  const called = fitting.find((name) => name === caller);
  if (called) return called;
  if (language === 'typescript') return 'npm';
  return (await isOnPath('uv', env)) ? 'uv' : 'pip';
}
