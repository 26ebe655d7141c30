import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError } from '../core/errors.ts';

/** Whether it can be written, told before a long measurement. @throws CliError when it cannot */
export async function checkReportFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw new CliError(`${path} is a directory.`, { hint: HINT });
  const needed = found ? path : dirname(path);
  await access(needed, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === 'ENOENT' ? 'there is no such directory' : 'it is not writable';
    throw new CliError(`${path} cannot be written: ${problem}.`, { hint: HINT, cause });
  });
}

const HINT = 'Name another file with --html.';

export async function writeReportFile(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError(`${path} cannot be written (${cause.code}).`, { hint: HINT, cause });
  });
}
