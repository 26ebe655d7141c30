import { readFileSync } from 'node:fs';
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
import type { TemplateFile } from '../core/tree.ts';
import { readAddonManifest } from './read-addons.ts';
import { readTemplateFiles } from './template-files.ts';

/** The same from src/effects and dist/cli: see .scripts/build.mjs. */
const STACKS_FOLDER = join(import.meta.dirname, '../../templates/stacks');
const MANIFEST = 'stack.json';

/**
 * One stack, whole.
 * @throws CliError when the installed package is damaged
 */
export async function readTemplate(name: StackName): Promise<StackTemplate> {
  const manifest = await readManifest(name);
  return { name, manifest, files: readTemplateFiles(`stacks/${name}`) };
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
  const folders = new Map<string, Map<string, TemplateFile>>();
  for (const [path, file] of readTemplateFiles(`addons/${name}`)) {
    const end = path.indexOf('/');
    const folder = path.slice(0, end);
    folders.set(folder, (folders.get(folder) ?? new Map()).set(path.slice(end + 1), file));
  }
  return { name, manifest: readAddonManifest(name), folders };
}
