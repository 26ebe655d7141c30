import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, usageError } from '../core/errors.ts';

/** Whether it can be written, told before a long measurement. @throws CliError when it cannot */
export async function checkReportFile(path: string): Promise<void> {
  if (path === '') throw usageError('--html names no file.', 'For example: --html report.html');
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() || /[/\\]$/.test(path)) {
    throw new CliError(`${path} is a directory.`, { hint: HINT });
  }
  const parent = await stat(dirname(path)).catch(() => undefined);
  if (!parent?.isDirectory()) {
    throw new CliError(`${path} cannot be written: there is no such directory.`, { hint: HINT });
  }
  await access(found ? path : dirname(path), constants.W_OK).catch((cause) => {
    throw new CliError(`${path} cannot be written: it is not writable.`, { hint: HINT, cause });
  });
}

const HINT = 'Name another file with --html.';

/**
 * Whole or not at all: the report that is there is replaced by one rename.
 * @param details what `--json` says of a measurement whose page cannot be written
 */
export async function writeReportFile(
  path: string,
  text: string,
  details: CliError['details'],
): Promise<void> {
  try {
    const real = await realpath(path).catch(() => path);
    const found = await lstat(real).catch(() => undefined);
    const isFile = found === undefined || found.isFile();
    // What is no file (a pipe, a device, a link to nothing) is written to, not replaced.
    if (!isFile || !(await replaceFile(real, text, found?.mode))) await writeFile(path, text);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CliError(`${path} cannot be written (${code}).`, { hint: HINT, cause, details });
  }
}

/** @returns false where the directory takes no new file, though the old one may be writable */
async function replaceFile(path: string, text: string, mode = 0o666): Promise<boolean> {
  const draft = join(dirname(path), `.bench-${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(draft, 'wx', mode).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
  });
  if (!file) return false;
  try {
    await file.writeFile(text).finally(() => file.close());
    await rename(draft, path);
    return true;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
