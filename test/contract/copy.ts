import { cp, mkdtemp, readdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Big, and never written to by a test. */
const SHARED = ['node_modules', '.venv'];

/**
 * A copy of a project that a test may change, where other tests run the original.
 * What is installed is shared with it.
 */
export async function copyProject(directory: string): Promise<string> {
  const copy = join(await mkdtemp(join(tmpdir(), 'contract-copy-')), basename(directory));
  const names = await readdir(directory);
  await cp(directory, copy, {
    recursive: true,
    filter: (path) => !SHARED.some((name) => path === join(directory, name)),
  });
  for (const name of SHARED.filter((shared) => names.includes(shared))) {
    await symlink(join(directory, name), join(copy, name));
  }
  return copy;
}
