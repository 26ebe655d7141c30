import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../core/errors.ts';
import type { NpmLock, PackageManifest } from '../core/npm-lock.ts';

/** @throws CliError when it is not JSON, or not there */
export function readPackageManifest(directory: string): PackageManifest {
  const manifest = readJson<PackageManifest>(join(directory, 'package.json'));
  if (manifest) return manifest;
  throw new CliError(`There is no package.json in ${directory}.`, {
    hint: 'Restore it from git: git restore package.json',
  });
}

/** Undefined where there is none. @throws CliError when it is not JSON */
export function readNpmLock(directory: string): NpmLock | undefined {
  return readJson<NpmLock>(join(directory, 'package-lock.json'));
}

/**
 * The version of a package that lies in node_modules; undefined where there is none. Each package
 * is asked, not the note that npm makes: folders are deleted and copied behind its back.
 *
 * @param path its name, below the package that it belongs to where it is there twice
 */
export function readInstalledVersion(directory: string, path: string): string | undefined {
  const file = join(directory, 'node_modules', path, 'package.json');
  try {
    return readJson<{ readonly version?: string }>(file)?.version;
  } catch {
    return undefined;
  }
}

/** Node's way to have packages in archives, which nobody but yarn looks into. */
export function hasPlugAndPlay(directory: string): boolean {
  return existsSync(join(directory, '.pnp.cjs'));
}

/** One after the other: a few hundred small files, which is a third of the time that way. */
function readJson<Value>(path: string): Value | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CliError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  try {
    return JSON.parse(text) as Value;
  } catch (cause) {
    throw new CliError(`${path} is not JSON.`, { hint: 'Was a merge left half done?', cause });
  }
}
