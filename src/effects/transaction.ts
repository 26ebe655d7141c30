import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../core/errors.ts';
import type { FileOp } from '../core/plan.ts';
import { RECORD_DIRECTORY } from '../core/record.ts';
import type { FileTree } from '../core/tree.ts';
import { writeFiles } from './write-files.ts';

/**
 * Changes a directory all or not at all, also when the process is killed in between. Everything
 * happens in folders within `.llm-api`, each made known by one rename:
 *
 *   stage-<pid>   what will be, and a copy of what is: forgotten by the next run
 *   pending       decided: the next run goes on to its end
 *   undoing       taken back: the next run goes on with that
 *   done-<pid>    nothing but rubbish
 *
 * All calls wait for the disk, so that no signal is handled in their midst.
 */
const PENDING = 'pending';
const UNDOING = 'undoing';
const JOURNAL = 'journal.json';
const PID = 'pid';

/** Path → whether there was something before, and is to be something after. */
type Journal = Readonly<Record<string, { readonly was: boolean; readonly will: boolean }>>;

/**
 * Writes what will be aside, decides, and moves it into place.
 * @param disk what the operations were planned for: where it is no longer so, nothing is done
 */
export function commit(directory: string, ops: readonly FileOp[], disk: FileTree): void {
  const room = join(directory, RECORD_DIRECTORY);
  const stage = join(room, `stage-${process.pid}`);
  try {
    rmSync(stage, { recursive: true, force: true });
    mkdirSync(stage, { recursive: true });
    // git is not to see it, and a first commit may be made while the way back lies here.
    writeFileSync(join(stage, '.gitignore'), '*\n');
    writeFileSync(join(stage, PID), String(process.pid));
    writeFiles(join(stage, 'new'), ops);
    const journal: Record<string, Journal[string]> = {};
    for (const op of ops.filter(({ kind }) => kind !== 'skip')) {
      const was = keepCopy(join(directory, op.path), join(stage, 'old', op.path));
      checkUnchanged(directory, op.path, disk);
      journal[op.path] = { was, will: op.kind !== 'delete' };
    }
    writeFileSync(join(stage, JOURNAL), JSON.stringify(journal));
    renameSync(stage, join(room, PENDING));
  } catch (error) {
    rmSync(stage, { recursive: true, force: true });
    removeIfEmpty(room);
    throw error;
  }
  try {
    place(directory);
  } catch (error) {
    rollBack(directory);
    throw error;
  }
}

/** Moves what is pending into place; what is there already is not moved again. */
function place(directory: string, mayReplace = (_path: string): boolean => true): void {
  const pending = join(directory, RECORD_DIRECTORY, PENDING);
  for (const [path, { will }] of Object.entries(readJournal(pending))) {
    const file = join(directory, path);
    if (will ? !existsSync(join(pending, 'new', path)) : !isThere(file)) continue;
    if (!mayReplace(path)) continue;
    if (!will) {
      rmSync(file);
      removeEmptyFolders(directory, path);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    renameSync(join(pending, 'new', path), file);
  }
}

/** Everything as it was before `commit`. */
export function rollBack(directory: string): void {
  const room = join(directory, RECORD_DIRECTORY);
  const undoing = join(room, UNDOING);
  if (existsSync(join(room, PENDING))) renameSync(join(room, PENDING), undoing);
  for (const [path, { was }] of Object.entries(readJournal(undoing))) {
    const file = join(directory, path);
    const old = join(undoing, 'old', path);
    if (!was) {
      rmSync(file, { force: true });
      removeEmptyFolders(directory, path);
    } else if (isThere(old)) {
      mkdirSync(dirname(file), { recursive: true });
      renameSync(old, file);
    }
  }
  forget(room, UNDOING);
}

/** The way back is not needed any more. */
export function forgetPending(directory: string): void {
  forget(join(directory, RECORD_DIRECTORY), PENDING);
}

/** Renamed first: a folder that is half removed is no journal to go by. */
function forget(room: string, name: string): void {
  const done = join(room, `done-${process.pid}`);
  renameSync(join(room, name), done);
  rmSync(done, { recursive: true, force: true });
  removeIfEmpty(room);
}

export interface Recovery {
  readonly how: 'nothing' | 'completed' | 'undone';
  /** Files that somebody changed after the interruption: they are left as they are. */
  readonly left: readonly string[];
}

/**
 * Goes on from where a run that was killed left a project.
 * @throws CliError while another run is at it
 */
export function recover(directory: string): Recovery {
  const room = join(directory, RECORD_DIRECTORY);
  const names = existsSync(room) ? readdirSync(room) : [];
  for (const name of names) {
    const pid = /^(?:stage|done)-(\d+)$/.exec(name)?.[1];
    if (pid && !isRunning(pid)) rmSync(join(room, name), { recursive: true, force: true });
  }
  if (names.includes(UNDOING)) {
    checkAlone(join(room, UNDOING));
    rollBack(directory);
    return { how: 'undone', left: [] };
  }
  if (!names.includes(PENDING)) return { how: 'nothing', left: [] };
  const pending = join(room, PENDING);
  checkAlone(pending);
  const left: string[] = [];
  place(directory, (path) => {
    const untouched =
      readIfThere(join(directory, path)) === readIfThere(join(pending, 'old', path));
    if (!untouched) left.push(path);
    return untouched;
  });
  forgetPending(directory);
  return { how: 'completed', left };
}

function readJournal(folder: string): Journal {
  return JSON.parse(readFileSync(join(folder, JOURNAL), 'utf8'));
}

function checkAlone(folder: string): void {
  const pid = readIfThere(join(folder, PID));
  if (!pid || !isRunning(pid)) return;
  throw new CliError('Another run is changing this project.', {
    hint: `Wait for it to end. If there is none, delete ${join(folder, PID)} and run this again.`,
  });
}

function isRunning(pid: string): boolean {
  if (Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function checkUnchanged(directory: string, path: string, disk: FileTree): void {
  if (readIfThere(join(directory, path)) === disk.get(path)?.text) return;
  throw new CliError(`${path} was changed by something else meanwhile. Nothing was changed.`, {
    hint: 'Run the command again.',
  });
}

/** @returns whether there was something to keep */
function keepCopy(file: string, copy: string): boolean {
  if (!isThere(file)) return false;
  mkdirSync(dirname(copy), { recursive: true });
  if (lstatSync(file).isSymbolicLink()) symlinkSync(readlinkSync(file), copy);
  else copyFileSync(file, copy);
  return true;
}

/** Also a link that leads nowhere. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function removeEmptyFolders(directory: string, path: string): void {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    if (!removeIfEmpty(join(directory, folder))) return;
  }
}

function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
