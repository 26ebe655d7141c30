import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { CliError } from '../core/errors.ts';
import { formatInstall, type Project } from './find-project.ts';
import { hasPlugAndPlay } from './read-node-packages.ts';

const WINDOWS = process.platform === 'win32';

/**
 * An argv whose program is the project's own: what is on the PATH may be another version of it.
 * @throws CliError with the command that installs it when it is not there
 */
export async function resolveProgram(
  project: Project,
  [name = '', ...args]: readonly string[],
): Promise<readonly string[]> {
  if (name === 'node') {
    await checkInstalled(project, join(project.directory, 'node_modules'), 'node_modules');
    return [process.execPath, ...args];
  }
  const { root } = places(project);
  await checkInstalled(project, join(project.directory, root), root);
  const file = programPath(project, name);
  await checkInstalled(project, file, name);
  return [file, ...args];
}

/** Whether anything is installed at all. Yarn may have a file for a folder. */
export function isInstalled(project: Project): boolean {
  const { directory } = project;
  return existsSync(join(directory, places(project).root)) || hasPlugAndPlay(directory);
}

/** The environment with the project's programs first on the PATH. */
export function withProjectPath(project: Project, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // Windows calls it Path and looks it up in any case: two of them would be one too many.
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const path = [programFolder(project), env[key]].filter(Boolean).join(delimiter);
  return { ...env, [key]: path };
}

/** Where a program of the project is once it is installed. */
export function programPath(project: Project, name: string): string {
  return join(programFolder(project), name + places(project).ending);
}

function programFolder(project: Project): string {
  return join(project.directory, ...places(project).folder);
}

function places({ manifest }: Project) {
  if (manifest.language === 'typescript') {
    return {
      root: 'node_modules',
      folder: ['node_modules', '.bin'],
      ending: WINDOWS ? '.cmd' : '',
    };
  }
  const folder = ['.venv', WINDOWS ? 'Scripts' : 'bin'];
  return { root: '.venv', folder, ending: WINDOWS ? '.exe' : '' };
}

async function checkInstalled(project: Project, path: string, what: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
  } catch (cause) {
    const { directory } = project;
    throw new CliError(`The project is not installed: there is no ${what} in ${directory}.`, {
      hint: `Install it: ${formatInstall(project)}`,
      cause,
    });
  }
}
