import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CliError } from '../core/errors.ts';
import {
  parseStackManifest,
  STACKS,
  type StackManifest,
  type StackName,
  type StackTemplate,
} from '../core/stacks.ts';
import { type FileEntry, type FileTree, sortTree } from '../core/tree.ts';

/** The same from src/effects, dist/cli and dist/chunks: see .scripts/build.mjs. */
const STACKS_URL = new URL('../../templates/stacks/', import.meta.url);
const MANIFEST = 'stack.json';

/** Left behind by whoever works on a template where it lies; never part of it. */
const NOT_TEMPLATE = /^(node_modules|\.venv|dist|__pycache__|\.[a-z]+_cache)$/;

/**
 * Reads one stack's whole folder.
 * @throws CliError when the installed package is damaged
 */
export async function readTemplate(name: StackName): Promise<StackTemplate> {
  const folder = fileURLToPath(new URL(`${name}/`, STACKS_URL));
  const manifest = await readManifest(name);
  const files = readFolder(folder);
  return { name, manifest, files };
}

export async function readManifest(name: StackName): Promise<StackManifest> {
  const url = new URL(`${name}/${MANIFEST}`, STACKS_URL);
  try {
    return parseStackManifest(name, await readFile(url, 'utf8'));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`The template "${name}" is missing or damaged.`, {
      hint: 'Install create-llm-api again.',
      cause,
    });
  }
}

/** Every stack's own data, in the order of the table. */
export function readManifests(): Promise<
  readonly { readonly name: StackName; readonly manifest: StackManifest }[]
> {
  return Promise.all(
    STACKS.map(async ({ name }) => ({ name, manifest: await readManifest(name) })),
  );
}

/**
 * Some thirty small files: read one after the other, which is a third of the time that the same
 * through the thread pool takes. What starts with `#!` is meant to be run; npm and Windows lose
 * modes, so they are not asked.
 */
function readFolder(folder: string, prefix = ''): FileTree {
  const entries = readdirSync(folder, { withFileTypes: true });
  const found = entries.flatMap((entry): readonly (readonly [string, FileEntry])[] => {
    const path = `${folder}${entry.name}`;
    if (NOT_TEMPLATE.test(entry.name) || `${prefix}${entry.name}` === MANIFEST) return [];
    if (entry.isDirectory()) return [...readFolder(`${path}/`, `${prefix}${entry.name}/`)];
    const text = readFileSync(path, 'utf8');
    return [[`${prefix}${entry.name}`, { text, mode: text.startsWith('#!') ? 0o755 : 0o644 }]];
  });
  return sortTree(found);
}
