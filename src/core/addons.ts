import type { Answers } from './answers.ts';
import { CliError, usageError } from './errors.ts';
import { nearest } from './nearest.ts';
import { type EnvVariable, type Layout, layoutOf, STACKS, type StackName } from './stacks.ts';
import type { TemplateTree } from './tree.ts';

/** Every add-on there is; everything else about one is data in its own folder (`addon.json`). */
export const ADDONS = [
  'docker',
  'github-actions',
  'kubernetes',
  'openai-compat',
  'opentelemetry',
  'redis',
] as const;
export type AddonName = (typeof ADDONS)[number];

/** What an add-on brings to the manifest of a project in one language. */
export interface AddonPackages {
  /** As the language writes them: `name==1.2.3`, or `name@1.2.3`. */
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  /** Of `package.json` only. */
  readonly scripts?: Readonly<Record<string, string>>;
}

/** What an add-on exports for the wiring file of a stack to call. */
export interface AddonWiring {
  /** As that file imports it: `app.redis`, or `./redis.js`. */
  readonly module: string;
  readonly name: string;
}

/** `addon.json`: what an add-on says of itself. */
export interface AddonManifest {
  readonly title: string;
  readonly summary: string;
  readonly layouts: readonly Layout[];
  readonly requires: readonly AddonName[];
  readonly excludes: readonly AddonName[];
  readonly env?: readonly EnvVariable[];
  readonly packages?: Readonly<Partial<Record<StackName, AddonPackages>>>;
  readonly wiring?: Readonly<Partial<Record<StackName, AddonWiring>>>;
  /** The ports that it calls, for what has to let it out. */
  readonly egress?: readonly number[];
}

/**
 * An add-on as it lies in `templates/addons/<name>`: its data, and folders of files unrendered. A
 * folder is for `all`, or for what it is named after: a language, a stack, a package manager, or
 * `with-<add-on>` where both are there. A lock in it has the packages that the add-on adds.
 */
export interface AddonTemplate {
  readonly name: AddonName;
  readonly manifest: AddonManifest;
  readonly folders: ReadonlyMap<string, TemplateTree>;
}

/** @throws CliError when the installed package is damaged: not JSON, or a required part missing */
export function parseAddonManifest(name: AddonName, text: string): AddonManifest {
  const manifest = JSON.parse(text) as Partial<AddonManifest>;
  for (const key of ['title', 'summary', 'layouts', 'requires', 'excludes'] as const) {
    if (!manifest[key]) {
      throw new CliError(`The add-on "${name}" is damaged: its addon.json has no "${key}".`, {
        hint: 'Install create-llm-api again.',
      });
    }
  }
  return manifest as AddonManifest;
}

/**
 * Names as they were typed, once each, in the order of the table.
 * @throws CliError (2) for one that there is not, with the nearest
 */
export function parseAddonNames(names: readonly string[]): readonly AddonName[] {
  for (const name of names) {
    if ((ADDONS as readonly string[]).includes(name)) continue;
    const near = nearest(name, ADDONS);
    const known = `Add-ons: ${ADDONS.join(', ')}.`;
    throw usageError(
      `There is no add-on ${JSON.stringify(name)}.`,
      near ? `Did you mean ${near}? ${known}` : known,
    );
  }
  return ADDONS.filter((name) => names.includes(name));
}

/**
 * @param wayOut what to type for an add-on with what it lacks; the names are in the table's order
 * @throws CliError (2) where one does not fit the stack, lacks what it needs, or clashes
 */
export function checkAddons(
  stack: StackName,
  addons: readonly Omit<AddonTemplate, 'folders'>[],
  wayOut = (together: readonly AddonName[]): string => `Take them together: ${together.join(' ')}`,
): void {
  const names = addons.map(({ name }) => name);
  for (const { name, manifest } of addons) {
    const { layouts, requires, excludes } = manifest;
    if (!layouts.includes(layoutOf(stack))) {
      const fitting = listStacks(layouts).join(' or ');
      throw usageError(
        `The add-on ${name} is for ${layouts.join(' and ')} projects (${fitting}); ${stack} is ${layoutOf(stack)}.`,
      );
    }
    const missing = requires.filter((other) => !names.includes(other));
    if (missing.length > 0) {
      const together = ADDONS.filter((other) => other === name || missing.includes(other));
      throw usageError(`The add-on ${name} needs ${missing.join(' and ')}.`, wayOut(together));
    }
    const clash = excludes.find((other) => names.includes(other));
    if (clash) throw usageError(`The add-ons ${name} and ${clash} exclude each other.`);
  }
}

function listStacks(layouts: readonly Layout[]): readonly StackName[] {
  return STACKS.flatMap(({ name, layout }) => (layouts.includes(layout) ? [name] : []));
}

/** The folders of an add-on that are for a project with these answers, the general ones first. */
export function foldersFor({ stack, packageManager, addons }: Answers, language: string): string[] {
  return ['all', language, stack, packageManager, ...addons.map((name) => `with-${name}`)];
}
