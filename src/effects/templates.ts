import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDONS, type AddonName, type AddonTemplate } from '../core/addons.ts';
import type { Answers } from '../core/answers.ts';
import { composeAddons } from '../core/compose-addons.ts';
import { CliError } from '../core/errors.ts';
import {
  parseStackManifest,
  STACKS,
  type StackManifest,
  type StackName,
  type StackTemplate,
} from '../core/stacks.ts';
import { type FileEntry, type FileTree, sortTree } from '../core/tree.ts';
import { ADDONS_FOLDER, readAddonManifest } from './read-addons.ts';

/** The same from src/effects and dist/cli: see .scripts/build.mjs. */
const STACKS_FOLDER = join(import.meta.dirname, '../../templates/stacks');
const MANIFEST = 'stack.json';

/** Left behind by whoever works on a template where it lies; never part of it. */
const NOT_TEMPLATE = /^(node_modules|\.venv|dist|__pycache__|\.[a-z]+_cache)$/;

/**
 * Reads one stack's whole folder.
 * @throws CliError when the installed package is damaged
 */
export async function readTemplate(name: StackName): Promise<StackTemplate> {
  const manifest = await readManifest(name);
  const files = readFolder(join(STACKS_FOLDER, name));
  return { name, manifest, files };
}

export async function readManifest(name: StackName): Promise<StackManifest> {
  try {
    return parseStackManifest(name, readFileSync(join(STACKS_FOLDER, name, MANIFEST), 'utf8'));
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
 * The stack and the add-ons of these answers, put together.
 * @throws CliError (2) where they do not go together; or when the installed package is damaged, or
 *   older than a project that has an add-on it does not know
 */
export async function readProjectTemplate(answers: Answers): Promise<StackTemplate> {
  const unknown = answers.addons.find((name) => !(ADDONS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new CliError(`This version has no add-on ${JSON.stringify(unknown)}; the project has.`, {
      hint: 'Run the newest version: npx -p create-llm-api@latest llm-api …',
    });
  }
  const stack = await readTemplate(answers.stack);
  const addons = ADDONS.filter((name) => answers.addons.includes(name)).map(readAddon);
  return composeAddons(stack, addons, answers);
}

export function readAddon(name: AddonName): AddonTemplate {
  const manifest = readAddonManifest(name);
  const root = join(ADDONS_FOLDER, name);
  const folders = readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [[entry.name, readFolder(join(root, entry.name))] as const] : [],
  );
  return { name, manifest, folders: new Map(folders) };
}

/**
 * Some thirty small files: read one after the other, which is a third of the time that the same
 * through the thread pool takes. What starts with `#!` is meant to be run; npm and Windows lose
 * modes, so they are not asked.
 */
function readFolder(folder: string, prefix = ''): FileTree {
  const entries = readdirSync(folder, { withFileTypes: true });
  const found = entries.flatMap((entry): readonly (readonly [string, FileEntry])[] => {
    const path = `${folder}/${entry.name}`;
    if (NOT_TEMPLATE.test(entry.name) || `${prefix}${entry.name}` === MANIFEST) return [];
    if (entry.isDirectory()) return [...readFolder(path, `${prefix}${entry.name}/`)];
    const text = readFileSync(path, 'utf8');
    return [[`${prefix}${entry.name}`, { text, mode: text.startsWith('#!') ? 0o755 : 0o644 }]];
  });
  return sortTree(found);
}
