import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { CliError } from '../core/errors.ts';

/** The variables that a project's server will find, before it is started. */
export interface Settings {
  /** Undefined for an empty one as well. */
  get(name: string): string | undefined;
  /** Who set it, for messages: `.env` or `the environment`. */
  source(name: string): string;
}

/**
 * Reads as the servers do: `.env` in the project's folder, over which the real environment wins;
 * an empty value is none.
 *
 * @param directory undefined where there is no project
 */
export async function readSettings(
  directory: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Settings> {
  const file = directory === undefined ? {} : ((await readEnvFile(directory)) ?? {});
  return {
    get: (name) => env[name] || file[name] || undefined,
    source: (name) => (env[name] ? 'the environment' : '.env'),
  };
}

/** What `.env` says by itself; undefined where there is none. @throws CliError if unreadable */
export async function readEnvFile(
  directory: string,
): Promise<Readonly<Record<string, string | undefined>> | undefined> {
  try {
    return parseEnv(await readFile(join(directory, '.env'), 'utf8'));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new CliError(`${join(directory, '.env')} cannot be read (${code}).`, { cause });
  }
}
