import type { LockedPackage } from './doctor-dependencies.ts';

/** What of a package.json says which packages a project needs. */
export interface PackageManifest {
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface NpmLockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

/** `package-lock.json`, and `node_modules/.package-lock.json`, in which npm notes what it did. */
export interface NpmLock {
  readonly packages?: Readonly<Record<string, NpmLockEntry & PackageManifest>>;
}

const FOLDER = 'node_modules/';

/**
 * What has to be in node_modules on every system. Optional packages are for other systems more
 * often than not, and links are not installed: npm says nothing where they are missing.
 *
 * @returns packages under the path they have in node_modules, for one can be there twice
 */
export function listLocked({ packages = {} }: NpmLock): readonly LockedPackage[] {
  return Object.entries(packages).flatMap(([path, entry]) => {
    const { version, dev = false, optional, devOptional, link } = entry;
    if (!path.startsWith(FOLDER) || version === undefined) return [];
    if (optional || devOptional || link) return [];
    return [{ name: path.slice(FOLDER.length), version, dev }];
  });
}

/** The names whose version the manifest and the lock do not agree on: `npm ci` refuses those. */
export function listUnlocked(manifest: PackageManifest, lock: NpmLock): readonly string[] {
  const root = lock.packages?.[''] ?? {};
  return (['dependencies', 'devDependencies'] as const).flatMap((group) => {
    const [wanted, locked] = [manifest[group] ?? {}, root[group] ?? {}];
    const names = new Set([...Object.keys(wanted), ...Object.keys(locked)]);
    return [...names].filter((name) => wanted[name] !== locked[name]);
  });
}

/** The direct dependencies: all that can be told without reading a lock in a format of its own. */
export function listDirect(manifest: PackageManifest): readonly LockedPackage[] {
  return (['dependencies', 'devDependencies'] as const).flatMap((group) =>
    Object.entries(manifest[group] ?? {}).map(([name, version]) => ({
      name,
      version,
      dev: group === 'devDependencies',
    })),
  );
}

/** Whether it is one version, and not a range, a tag, a folder or an address. */
export function isExact(version: string): boolean {
  return /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(version);
}
