import { cp, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Big, and never written to by a test. */
const SHARED = ['node_modules', '.venv'];

/**
 * A copy of a project that a test may change, where other tests run the original.
 * What is installed is shared with it.
 */
export async function copyProject(directory: string): Promise<string> {
  const copy = join(await mkdtemp(join(tmpdir(), 'contract-copy-')), basename(directory));
  copies.push(dirname(copy));
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

const copies: string[] = [];

export async function removeCopies(): Promise<void> {
  for (const copy of copies.splice(0)) await rm(copy, { recursive: true, force: true });
}
