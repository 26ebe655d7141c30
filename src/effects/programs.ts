import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** Whether a program of this name is on the PATH: no process is started to find out. */
export async function isOnPath(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  return (await findOnPath(name, env)) !== undefined;
}

async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const windows = process.platform === 'win32';
  const endings = windows ? (env.PATHEXT ?? '.EXE;.CMD;.BAT').split(';') : [''];
  for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter).filter(Boolean)) {
    for (const ending of endings) {
      const file = join(folder, name + ending);
      if (!existsSync(file)) continue;
      try {
        accessSync(file, windows ? constants.F_OK : constants.X_OK);
        return file;
      } catch {
        // Not here: the next folder.
      }
    }
  }
  return undefined;
}

/**
 * Whether typing `llm-api` in the user's shell runs this very program. Folders that only package
 * managers put on the PATH while they run something (`node_modules/.bin`) do not count.
 *
 * @param script the running script, `process.argv[1]`
 */
export async function isToolOnPath(
  script: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  const folders = (env.PATH ?? env.Path ?? '').split(delimiter);
  const lasting = folders.filter((folder) => !/[\\/]node_modules[\\/]\.bin[\\/]?$/.test(folder));
  const found = await findOnPath('llm-api', { ...env, PATH: lasting.join(delimiter) });
  if (!found) return false;
  try {
    return dirname(realpathSync.native(found)) === dirname(realpathSync.native(script));
  } catch {
    return false;
  }
}
