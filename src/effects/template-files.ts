import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sortTree, type TemplateFile, type TemplateTree } from '../core/tree.ts';

/** What is no file of the project: what a template says of itself, and what work on it left there. */
const NOT_TEMPLATE =
  /^(stack\.json|addon\.json)$|(^|\/)(node_modules|\.venv|dist|__pycache__|\.[a-z]+_cache)$/;

/**
 * The files of a stack or an add-on as they lie in `templates/<folder>`. In the bundle
 * `packed-files.ts` stands for this file: it has the same, read when it was built.
 *
 * What starts with `#!` is meant to be run; npm and Windows lose modes, so they are not asked.
 */
export function readTemplateFiles(folder: string): TemplateTree {
  const root = join(import.meta.dirname, '../../templates', folder);
  return sortTree(listFiles(root).map((path) => [path, readFile(`${root}/${path}`)]));
}

function listFiles(root: string, prefix = ''): readonly string[] {
  return readdirSync(`${root}/${prefix}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${prefix}${entry.name}`;
    if (NOT_TEMPLATE.test(path)) return [];
    return entry.isDirectory() ? listFiles(root, `${path}/`) : [path];
  });
}

function readFile(path: string): TemplateFile {
  const text = readFileSync(path, 'utf8');
  return { text, mode: text.startsWith('#!') ? 0o755 : 0o644 };
}
