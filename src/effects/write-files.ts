import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { FileOp } from '../core/plan.ts';

/**
 * The files of a plan, into an empty folder. One after the other, as templates are read: many small
 * files, and nothing to do meanwhile. Paths of a plan are what `join` would make them: to call it for
 * each has Node optimize it, which takes longer than to write the files.
 */
export function writeFiles(folder: string, ops: readonly FileOp[]): void {
  mkdirSync(folder, { recursive: true });
  const written = ops.flatMap((op) => ('file' in op ? [op] : []));
  const folders = new Set(written.map(({ path }) => path.slice(0, path.lastIndexOf('/') + 1)));
  for (const each of folders) mkdirSync(`${folder}/${each}`, { recursive: true });
  // One for all, as large as the longest text can be: to get one for each takes as long as to write.
  const bytes = Buffer.allocUnsafe(3 * Math.max(0, ...written.map(({ file }) => file.text.length)));
  for (const { path, file } of written) {
    const content = bytes.subarray(0, bytes.write(file.text));
    writeFileSync(`${folder}/${path}`, content, { mode: file.mode, flag: 'wx' });
    // The umask may have taken bits away that a script needs; a secret's mode stays as it is.
    if (file.mode === 0o755) chmodSync(`${folder}/${path}`, file.mode);
  }
}
