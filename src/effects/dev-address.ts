import { createHash, randomBytes } from 'node:crypto';
import { lstat, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Where a project's server listens just now, for `generate` to find it. The note lies in the
 * system's temporary folder: the project itself is under version control, and may be read-only.
 */
interface Note {
  readonly url: string;
  readonly pid: number;
}

/** A convenience: where it cannot be written, `generate` falls back to the settings. */
export async function writeDevAddress(directory: string, url: string): Promise<void> {
  const path = await notePath(directory);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const note: Note = { url, pid: process.pid };
  try {
    // The folder is everybody's: a new file, moved into place, follows no link laid out for us.
    await writeFile(draft, JSON.stringify(note), { mode: 0o600, flag: 'wx' });
    await rename(draft, path);
  } catch {
    await rm(draft, { force: true });
  }
}

/** The address of the server that runs now, if one does. */
export async function readDevAddress(directory: string): Promise<string | undefined> {
  const note = await readNote(await notePath(directory));
  return note && isRunning(note.pid) ? note.url : undefined;
}

/** Removes our own note; one that a later server has written stays. */
export async function removeDevAddress(directory: string): Promise<void> {
  const path = await notePath(directory);
  const note = await readNote(path);
  if (note?.pid === process.pid) await rm(path, { force: true });
}

async function notePath(directory: string): Promise<string> {
  const id = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex');
  return join(tmpdir(), `llm-api-${process.getuid?.() ?? 'user'}-${id.slice(0, 16)}.json`);
}

async function readNote(path: string): Promise<Note | undefined> {
  try {
    const found = await lstat(path);
    // Somebody else's note could send this user's prompts to somebody else's server.
    if (!found.isFile() || found.uid !== (process.getuid?.() ?? found.uid)) return undefined;
    return JSON.parse(await readFile(path, 'utf8')) as Note;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
