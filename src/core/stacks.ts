import type { AddonWiring } from './addons.ts';
import { CliError } from './errors.ts';
import type { TemplateFile, TemplateTree } from './tree.ts';

export type Layout = 'async' | 'simple';
export type Language = 'python' | 'typescript';
export type StackName = 'fastapi' | 'flask' | 'fastify' | 'express';
export type PackageManager = 'uv' | 'pip' | 'npm' | 'pnpm' | 'yarn' | 'bun';

export const LAYOUTS: readonly Layout[] = ['async', 'simple'];
export const LANGUAGES: readonly Language[] = ['python', 'typescript'];

interface StackIdentity {
  readonly name: StackName;
  readonly layout: Layout;
  readonly language: Language;
}

/** Every stack there is; everything else about one is data in its own folder (`stack.json`). */
export const STACKS: readonly StackIdentity[] = [
  { name: 'fastapi', layout: 'async', language: 'python' },
  { name: 'flask', layout: 'simple', language: 'python' },
  { name: 'fastify', layout: 'async', language: 'typescript' },
  { name: 'express', layout: 'simple', language: 'typescript' },
];

export const PACKAGE_MANAGERS: Readonly<Record<Language, readonly PackageManager[]>> = {
  python: ['uv', 'pip'],
  typescript: ['npm', 'pnpm', 'yarn', 'bun'],
};

/** The stack that a layout in a language is made of. */
export function stackOf(layout: Layout, language: Language): StackName {
  const found = STACKS.find((stack) => stack.layout === layout && stack.language === language);
  if (!found) throw new Error(`no stack for ${layout} ${language}`);
  return found.name;
}

export function languageOf(name: StackName): Language {
  return identityOf(name).language;
}

export function layoutOf(name: StackName): Layout {
  return identityOf(name).layout;
}

function identityOf(name: StackName): StackIdentity {
  const found = STACKS.find((stack) => stack.name === name);
  if (!found) throw new Error(`unknown stack ${name}`);
  return found;
}

export interface EnvVariable {
  readonly name: string;
  readonly value: string;
  readonly comment: string;
}

/** The commands of a project, each an argv whose first word is found in the project itself. */
export interface StackCommands {
  readonly dev: readonly string[];
  readonly start: readonly string[];
  readonly build?: readonly string[];
  readonly test: readonly string[];
  readonly lint: readonly (readonly string[])[];
}

/** `stack.json`: what a stack says of itself. */
export interface StackManifest {
  readonly title: string;
  readonly summary: string;
  readonly layout: Layout;
  readonly language: Language;
  readonly commands: StackCommands;
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  readonly env: readonly EnvVariable[];
}

/** A stack as it lies in `templates/stacks/<name>`: its data, and its files unrendered. */
export interface StackTemplate {
  readonly name: StackName;
  readonly manifest: StackManifest;
  readonly files: TemplateTree;
  /** What add-ons say in the project's README, unrendered. */
  readonly sections?: readonly (readonly [path: string, file: TemplateFile])[];
  /** What its wiring file calls, in the order of the modules' names. */
  readonly wiring?: readonly AddonWiring[];
  /** Ports that its add-ons call. */
  readonly egress?: readonly number[];
}

/**
 * Reads the text of a `stack.json`.
 * @throws CliError when the installed package is damaged: not JSON, or a required part missing
 */
export function parseStackManifest(name: StackName, text: string): StackManifest {
  const manifest = JSON.parse(text) as Partial<StackManifest>;
  for (const key of ['title', 'summary', 'layout', 'language', 'commands', 'env'] as const) {
    if (!manifest[key]) {
      throw new CliError(`The template "${name}" is damaged: its stack.json has no "${key}".`, {
        hint: 'Install create-llm-api again.',
      });
    }
  }
  return manifest as StackManifest;
}
