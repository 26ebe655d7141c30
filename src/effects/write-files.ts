import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileOp } from '../core/plan.ts';

/**
 * The files of a plan, into an empty folder. One after the other, as templates are read: many small
 * files, and nothing to do meanwhile.
 */
export function writeFiles(folder: string, ops: readonly FileOp[]): void {
  mkdirSync(folder, { recursive: true });
  const written = ops.flatMap((op) => ('file' in op ? [op] : []));
  const folders = new Set(written.map((op) => dirname(join(folder, op.path))));
  for (const each of folders) mkdirSync(each, { recursive: true });
  for (const { path, file } of written) {
    writeFileSync(join(folder, path), file.text, { mode: file.mode, flag: 'wx' });
    // The umask may have taken bits away that a script needs; a secret's mode stays as it is.
    if (file.mode === 0o755) chmodSync(join(folder, path), file.mode);
  }
}
