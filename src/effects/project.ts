import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { CliError } from '../core/errors.ts';
import type { FileOp } from '../core/plan.ts';
import { EMPTY_TREE, type FileEntry, type FileTree, sortTree } from '../core/tree.ts';

/** What lies at a path that is to become a project. */
export type Occupancy = 'nothing' | 'empty' | 'occupied' | 'file';

export async function readOccupancy(directory: string): Promise<Occupancy> {
  try {
    return (await readdir(directory)).length === 0 ? 'empty' : 'occupied';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'nothing';
    if (code === 'ENOTDIR' && existsSync(directory)) return 'file';
    throw describeFileError(error, directory);
  }
}

/** The files that `directory` has at these paths. */
export async function readDisk(directory: string, paths: Iterable<string>): Promise<FileTree> {
  // Nothing is there yet: no need to look for each of its files.
  if (!existsSync(directory)) return EMPTY_TREE;
  const found = await Promise.all([...paths].map((path) => readEntry(directory, path)));
  return sortTree(found.flat());
}

async function readEntry(
  directory: string,
  path: string,
): Promise<readonly (readonly [string, FileEntry])[]> {
  const file = join(directory, path);
  try {
    const [text, { mode }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    return [[path, { text, mode: mode & 0o777 }]];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw describeFileError(error, file);
  }
}

/** What was written, until it is kept or taken back. */
export interface Applied {
  /** Puts everything back as it was: files, folders and what was installed into them. */
  undo(): Promise<void>;
  /** Forgets how it was. */
  keep(): Promise<void>;
}

/**
 * The one place that writes a project. Everything is written to a staging folder first, then moved
 * into place: all of it or, on any failure, nothing.
 *
 * @param directory absolute; its missing parents are made
 * @throws CliError naming the path: not writable, disk full, gone or taken meanwhile
 */
export async function applyOps(directory: string, ops: readonly FileOp[]): Promise<Applied> {
  try {
    const occupancy = await readOccupancy(directory);
    return occupancy === 'nothing'
      ? await publishNew(directory, ops)
      : await writeInto(directory, ops);
  } catch (error) {
    throw error instanceof CliError ? error : describeFileError(error, directory);
  }
}

async function publishNew(directory: string, ops: readonly FileOp[]): Promise<Applied> {
  const parent = dirname(directory);
  const madeParent = await mkdir(parent, { recursive: true });
  const stage = join(parent, stageName());
  const remove = async (path: string): Promise<void> => {
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
    if (madeParent) await rm(madeParent, { recursive: true, force: true });
  };
  try {
    writeFiles(stage, ops);
    await rename(stage, directory);
  } catch (error) {
    await remove(stage);
    throw error;
  }
  return { undo: () => remove(directory), keep: async () => {} };
}

/** Into a directory that is there: `new` is staged, what it replaces moves to `old`. */
async function writeInto(directory: string, ops: readonly FileOp[]): Promise<Applied> {
  const stage = join(directory, stageName());
  const before = new Set(await readdir(directory));
  const done: (() => Promise<void>)[] = [];
  const undo = async (): Promise<void> => {
    for (const back of done.splice(0).reverse()) await back();
    await rm(stage, { recursive: true, force: true });
    for (const name of await readdir(directory)) {
      if (!before.has(name)) await rm(join(directory, name), { recursive: true, force: true });
    }
  };
  try {
    await checkInside(directory, ops);
    writeFiles(join(stage, 'new'), ops);
    // The first commit is made while the way back still lies here.
    await writeFile(join(stage, '.gitignore'), '*\n');
    for (const op of ops) {
      if (op.kind === 'skip') continue;
      const file = join(directory, op.path);
      const old = join(stage, 'old', op.path);
      const made = await mkdir(dirname(file), { recursive: true });
      if (made) done.push(() => rm(made, { recursive: true, force: true }));
      await mkdir(dirname(old), { recursive: true });
      if (await renameIfThere(file, old)) done.push(() => rename(old, file));
      if (op.kind === 'delete') continue;
      await rename(join(stage, 'new', op.path), file);
      done.push(() => rm(file, { force: true }));
    }
  } catch (error) {
    await undo();
    throw error;
  }
  return { undo, keep: () => rm(stage, { recursive: true, force: true }) };
}

/** A link that leads out of the directory would have us replace files elsewhere. */
async function checkInside(directory: string, ops: readonly FileOp[]): Promise<void> {
  const root = await realpath(directory);
  for (const folder of new Set(ops.map((op) => dirname(join(directory, op.path))))) {
    const found = await realpath(folder).catch(() => undefined);
    if (found === undefined || found === root || found.startsWith(root + sep)) continue;
    throw new CliError(`${folder} leads out of the project, to ${found}. Nothing was changed.`, {
      hint: 'Replace the link by a directory, or choose another place.',
    });
  }
}

/** One after the other, as templates are read: many small files, and nothing to do meanwhile. */
function writeFiles(stage: string, ops: readonly FileOp[]): void {
  mkdirSync(stage, { recursive: true });
  const written = ops.flatMap((op) => ('file' in op ? [op] : []));
  const folders = new Set(written.map((op) => dirname(join(stage, op.path))));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  for (const { path, file } of written) {
    writeFileSync(join(stage, path), file.text, { mode: file.mode, flag: 'wx' });
    // The umask may have taken bits away that a script needs; a secret's mode stays as it is.
    if (file.mode === 0o755) chmodSync(join(stage, path), file.mode);
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Hidden, and of fixed length: the project's own name may already be as long as names can be. */
function stageName(): string {
  return `.create-llm-api-${randomBytes(6).toString('hex')}`;
}

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

function describeFileError(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!code) return error;
  const [problem, hint] = FILE_PROBLEMS[code] ?? [`cannot be written (${code})`, undefined];
  return new CliError(`${path} ${problem}. Nothing was changed.`, { hint, cause: error });
}
