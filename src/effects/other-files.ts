import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { extensionOf } from '../core/moves.ts';
import { type FileEntry, type FileTree, sortTree } from '../core/tree.ts';

/** Made by installers, builds and tools: nobody moves a file of a project there. */
const NOT_YOURS =
  /^(\.git|\.llm-api|\.venv|venv|node_modules|dist|build|coverage|__pycache__|\.[a-z]+_cache)$/;
const MOST_FILES = 5000;
const MOST_BYTES = 1_000_000;

/**
 * The files of a project that are none of ours.
 * @param known paths that are
 * @param like only files with the extension of one of these paths
 */
export function readOtherFiles(
  directory: string,
  known: ReadonlySet<string>,
  like: readonly string[],
): FileTree {
  const extensions = new Set(like.map(extensionOf));
  const found: (readonly [string, FileEntry])[] = [];
  const folders = extensions.size === 0 ? [] : [''];
  for (const folder of folders) {
    for (const entry of readdirSync(join(directory, folder), { withFileTypes: true })) {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory() && !NOT_YOURS.test(entry.name)) folders.push(`${path}/`);
      if (!entry.isFile() || known.has(path) || !extensions.has(extensionOf(path))) continue;
      if (found.length === MOST_FILES) return sortTree(found);
      const file = join(directory, path);
      const { size, mode } = statSync(file);
      if (size > MOST_BYTES) continue;
      found.push([path, { text: readFileSync(file, 'utf8'), mode: mode & 0o777 }]);
    }
  }
  return sortTree(found);
}
