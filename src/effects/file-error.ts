import { CliError } from '../core/errors.ts';

const FILE_PROBLEMS: Readonly<Record<string, readonly [string, string]>> = {
  EACCES: ['is not writable', 'Choose another directory, or change its permissions.'],
  EPERM: ['is not writable', 'Choose another directory, or change its permissions.'],
  EROFS: ['is on a read-only file system', 'Choose another directory.'],
  ENOSPC: ['is on a disk that is full', 'Make room and run the command again.'],
  EFBIG: ['is over the file size limit', 'Raise it (ulimit -f) and run the command again.'],
  EDQUOT: ['is over your disk quota', 'Make room and run the command again.'],
  ENOENT: ['went away while it was written', 'Run the command again.'],
  ENOTDIR: ['lies below something that is not a directory', 'Choose another directory.'],
  EISDIR: ['has a directory where a file belongs', 'Move it away, or choose another directory.'],
  ENOTEMPTY: ['was filled by something else meanwhile', 'Run the command again.'],
  EEXIST: ['was filled by something else meanwhile', 'Run the command again.'],
  ENAMETOOLONG: ['is too long a path', 'Choose a shorter one.'],
  ELOOP: ['is a loop of symbolic links', 'Choose another directory.'],
};

/** What the system said of a path, as a person says it; anything else as it is. */
export function describeFileError(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!code || error instanceof CliError) return error;
  const [problem, hint] = FILE_PROBLEMS[code] ?? [`cannot be written (${code})`, undefined];
  return new CliError(`${path} ${problem}. Nothing was changed.`, { hint, cause: error });
}
