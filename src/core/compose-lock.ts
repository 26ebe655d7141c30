import { formatJson } from './compose.ts';
import { readRequirements } from './merge-requirements.ts';
import { comparePaths } from './tree.ts';

/** The locks of a stack, which an add-on may bring a part of: its own packages. */
export function isLock(path: string): boolean {
  return path === 'package-lock.json' || /^requirements(-dev)?\.txt$/.test(path);
}

/**
 * A lock with an add-on's part of it, in the order in which the lock's own tool writes it.
 * @throws Error where both lock a package at different versions: a mistake of ours
 */
export function composeLock(path: string, lock: string, part: string): string {
  return path === 'package-lock.json'
    ? composePackageLock(lock, part)
    : composeRequirements(lock, part);
}

function composeRequirements(lock: string, part: string): string {
  const [all, added] = [readRequirements(lock), readRequirements(part)];
  if (!all || !added) throw new Error('a lock has more than pinned requirements in it');
  const items = new Map(all.items.map((item) => [item.key, item]));
  for (const item of added.items) {
    checkVersion(item.key, pinOf(items.get(item.key)?.text), pinOf(item.text));
    items.set(item.key, item);
  }
  const sorted = [...items.values()].sort((a, b) => comparePaths(a.key, b.key));
  return `${[all.intro, ...sorted.map(({ text }) => text)].filter(Boolean).join('\n')}\n`;
}

/** `name==version` */
function pinOf(text: string | undefined): string | undefined {
  return /^\S+/.exec(text ?? '')?.[0];
}

interface NpmLock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

function composePackageLock(lock: string, part: string): string {
  const [all, added] = [lock, part].map((text): NpmLock => JSON.parse(text));
  if (!all || !added) return lock;
  const packages = { ...all.packages };
  for (const [path, entry] of Object.entries(added.packages)) {
    checkVersion(path, packages[path]?.version, entry.version);
    packages[path] = entry;
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  return formatJson({ ...all, packages: Object.fromEntries(sorted) });
}

/** The root of npm's lock repeats what `package.json` depends on. */
export function lockRoot(lock: string, manifest: string): string {
  const all = JSON.parse(lock) as NpmLock;
  const { dependencies, devDependencies } = JSON.parse(manifest) as Record<string, unknown>;
  const root = { ...all.packages[''], dependencies, devDependencies };
  return formatJson({ ...all, packages: { ...all.packages, '': root } });
}

/** One package has one version, whoever needs it; its marker or flags may grow. */
function checkVersion(name: string, there: string | undefined, added: string | undefined): void {
  if (there === undefined || there === added) return;
  throw new Error(`${name} is locked as ${there}, and by an add-on as ${added}`);
}
