import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { CliError } from '../core/errors.ts';
import type { FileOp } from '../core/plan.ts';
import { BASE_FILE, parseBase } from '../core/record.ts';
import { EMPTY_TREE, type FileEntry, type FileTree, sortTree } from '../core/tree.ts';
import { describeFileError } from './file-error.ts';
import { commit, forgetPending, type Recovery, recover, rollBack } from './transaction.ts';
import { writeFiles } from './write-files.ts';

/** What lies at a path that is to become a project. */
export type Occupancy = 'nothing' | 'empty' | 'occupied' | 'file';

export async function readOccupancy(directory: string): Promise<Occupancy> {
  try {
    return readdirSync(directory).length === 0 ? 'empty' : 'occupied';
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
  return sortTree([...paths].flatMap((path) => readEntry(directory, path)));
}

/**
 * The project as it was rendered last.
 * @throws CliError when the record is damaged or gone
 */
export async function readBase(directory: string): Promise<FileTree> {
  const found = await readDisk(directory, [BASE_FILE]);
  const file = found.get(BASE_FILE);
  if (file) return parseBase(file.text);
  throw new CliError(`${BASE_FILE} is not there: nothing tells your changes from ours.`, {
    hint: 'Restore it from git.',
  });
}

/**
 * Ends what a run that was killed began, where there is such.
 * @throws CliError while another run is at it
 */
export function recoverProject(directory: string): Recovery {
  try {
    return recover(directory);
  } catch (error) {
    throw describeFileError(error, directory);
  }
}

function readEntry(directory: string, path: string): readonly (readonly [string, FileEntry])[] {
  const file = join(directory, path);
  try {
    return [[path, { text: readFileSync(file, 'utf8'), mode: statSync(file).mode & 0o777 }]];
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
 * The one place that writes a project. Everything is written aside first, then moved into place:
 * all of it or, on any failure, nothing.
 *
 * @param directory absolute; its missing parents are made
 * @param disk what the operations were planned for
 * @throws CliError naming the path: not writable, disk full, gone or taken meanwhile
 */
export async function applyOps(
  directory: string,
  ops: readonly FileOp[],
  disk: FileTree,
): Promise<Applied> {
  try {
    const occupancy = await readOccupancy(directory);
    return occupancy === 'nothing' ? publishNew(directory, ops) : writeInto(directory, ops, disk);
  } catch (error) {
    throw describeFileError(error, directory);
  }
}

function publishNew(directory: string, ops: readonly FileOp[]): Applied {
  const parent = dirname(directory);
  const madeParent = mkdirSync(parent, { recursive: true });
  const stage = join(parent, stageName());
  const remove = (path: string): void => {
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    if (madeParent) rmSync(madeParent, { recursive: true, force: true });
  };
  // It is new, whoever else may write here: nothing that somebody put there becomes the project.
  mkdirSync(stage);
  try {
    writeFiles(stage, ops);
    renameSync(stage, directory);
  } catch (error) {
    remove(stage);
    throw error;
  }
  return { undo: async () => remove(directory), keep: async () => {} };
}

/** Into a directory that is there: what it replaces can be put back until it is kept. */
function writeInto(directory: string, ops: readonly FileOp[], disk: FileTree): Applied {
  const before = new Set(readdirSync(directory));
  checkInside(directory, ops);
  commit(directory, ops, disk);
  const undo = async (): Promise<void> => {
    rollBack(directory);
    for (const name of readdirSync(directory)) {
      if (!before.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
    }
  };
  return { undo, keep: async () => forgetPending(directory) };
}

/** A link that leads out of the directory would have us replace files elsewhere. */
function checkInside(directory: string, ops: readonly FileOp[]): void {
  const root = realpathSync.native(directory);
  for (const folder of new Set(ops.map((op) => dirname(join(directory, op.path))))) {
    if (!existsSync(folder)) continue;
    const found = realpathSync.native(folder);
    if (found === root || found.startsWith(root + sep)) continue;
    throw new CliError(`${folder} leads out of the project, to ${found}. Nothing was changed.`, {
      hint: 'Replace the link by a directory, or choose another place.',
    });
  }
}

/** Hidden, and of fixed length: the project's own name may already be as long as names can be. */
function stageName(): string {
  return `.create-llm-api-${Math.random().toString(16).slice(2, 14).padEnd(12, '0')}`;
}
