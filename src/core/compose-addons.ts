import { type AddonPackages, type AddonTemplate, checkAddons, foldersFor } from './addons.ts';
import type { Answers } from './answers.ts';
import { formatJson } from './compose.ts';
import { composeLock, isLock, lockRoot } from './compose-lock.ts';
import { languageOf, type StackTemplate } from './stacks.ts';
import { comparePaths, sortTree, type TemplateFile } from './tree.ts';

/** What an add-on says of itself in the project's README; it is no file of the project. */
const SECTION = /^section\.md(\.ejs)?$/;

/**
 * The stack with what its add-ons bring: their files, variables, dependencies and their locks,
 * scripts, sections of the README, and what the wiring file calls. The order in which add-ons are named does not matter.
 *
 * @throws CliError (2) where the add-ons do not go together, or not with the stack
 * @throws Error where two of them bring the same file
 */
export function composeAddons(
  stack: StackTemplate,
  addons: readonly AddonTemplate[],
  answers: Answers,
): StackTemplate {
  checkAddons(stack.name, addons);
  const files = new Map(stack.files);
  const sections: (readonly [string, TemplateFile])[] = [];
  for (const { name, folders } of addons) {
    for (const folder of foldersFor(answers, languageOf(stack.name))) {
      for (const [path, file] of folders.get(folder) ?? []) {
        if (SECTION.test(path)) {
          sections.push([path, file]);
          continue;
        }
        const there = files.get(path);
        if (there && isLock(path)) {
          files.set(path, { ...there, text: composeLock(path, there.text, file.text) });
          continue;
        }
        if (there) throw new Error(`the add-on ${name} brings ${path} a second time`);
        files.set(path, file);
      }
    }
  }
  const manifests = addons.map(({ manifest }) => manifest);
  const packages = manifests.flatMap((manifest) => manifest.packages?.[stack.name] ?? []);
  const packageJson = files.get('package.json');
  if (packageJson) {
    const text = addToPackageJson(packageJson.text, packages);
    files.set('package.json', { ...packageJson, text });
    const lock = files.get('package-lock.json');
    if (lock && packages.length > 0) {
      files.set('package-lock.json', { ...lock, text: lockRoot(lock.text, text) });
    }
  }
  const { manifest } = stack;
  const added = (group: 'dependencies' | 'devDependencies'): readonly string[] =>
    addNames(
      manifest[group],
      packages.flatMap((each) => each[group] ?? []),
    );
  return {
    ...stack,
    files: sortTree(files),
    sections,
    wiring: manifests
      .flatMap(({ wiring }) => wiring?.[stack.name] ?? [])
      .sort((a, b) => comparePaths(a.module, b.module)),
    egress: manifests.flatMap(({ egress }) => egress ?? []),
    manifest: {
      ...manifest,
      dependencies: added('dependencies'),
      devDependencies: added('devDependencies'),
      env: [...manifest.env, ...manifests.flatMap(({ env }) => env ?? [])],
    },
  };
}

function addNames(names: readonly string[] = [], added: readonly string[]): readonly string[] {
  if (added.length === 0) return names;
  return [...names, ...added].sort((a, b) => comparePaths(nameOf(a), nameOf(b)));
}

/** `pydantic==2` comes before `pydantic-settings==2`. */
function nameOf(requirement: string): string {
  return /^[A-Za-z0-9._-]*/.exec(requirement)?.[0].toLowerCase() ?? '';
}

/** The text as it is where nothing comes to it. */
function addToPackageJson(text: string, packages: readonly AddonPackages[]): string {
  if (packages.length === 0) return text;
  const manifest = JSON.parse(text) as Record<string, Record<string, string>>;
  for (const group of ['dependencies', 'devDependencies'] as const) {
    const added = packages.flatMap((each) => (each[group] ?? []).map(splitVersion));
    const all = [...Object.entries(manifest[group] ?? {}), ...added];
    manifest[group] = Object.fromEntries(all.sort(([a], [b]) => comparePaths(a, b)));
  }
  const scripts = packages.map((each) => each.scripts ?? {});
  manifest.scripts = Object.assign({}, manifest.scripts, ...scripts);
  return formatJson(manifest);
}

function splitVersion(text: string): [string, string] {
  const at = text.lastIndexOf('@');
  return [text.slice(0, at), text.slice(at + 1)];
}
