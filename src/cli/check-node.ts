import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bad, good, type Judgement, skipped } from '../core/doctor.ts';
import {
  comparePackages,
  judgeComparison,
  type LockedPackage,
} from '../core/doctor-dependencies.ts';
import { judgeRuntime } from '../core/doctor-runtime.ts';
import {
  isExact,
  listDirect,
  listLocked,
  listUnlocked,
  type PackageManifest,
} from '../core/npm-lock.ts';
import type { PackageManager } from '../core/stacks.ts';
import { formatFrom, formatInstall, type Project } from '../effects/find-project.ts';
import {
  hasPlugAndPlay,
  readInstalledVersion,
  readNpmLock,
  readPackageManifest,
} from '../effects/read-node-packages.ts';
import { readVersion } from '../effects/read-version.ts';
import type { Check } from './doctor-check.ts';

const SITES: Readonly<Record<string, string>> = {
  npm: 'it comes with Node, https://nodejs.org',
  pnpm: 'https://pnpm.io/installation',
  yarn: 'https://yarnpkg.com/getting-started/install',
  bun: 'https://bun.sh',
};

/** What this program needs itself: see `engines` in its package.json. */
const OWN_RANGE = '>=20.17';

/** The Node that runs this, and that `dev` and `start` run a server of Node's with. */
export function judgeNode(range: string | undefined = OWN_RANGE): Judgement {
  const site = 'https://nodejs.org';
  return judgeRuntime({ title: 'Node', version: process.versions.node, range, site });
}

export function nodeChecks(made: Project, signal: AbortSignal): readonly Check[] {
  const project = withManagerInUse(made);
  const { directory } = project;
  const manager = project.record.answers.packageManager;
  return [
    {
      name: 'node',
      run: async () => judgeNode(readPackageManifest(directory).engines?.node),
    },
    {
      name: 'package-manager',
      run: async () => {
        const version = await readVersion(manager, { cwd: directory, signal });
        if (version !== undefined) return good(`${manager} ${version}`);
        return bad(`${manager} is not there, or does not start`, `Install it: ${SITES[manager]}`);
      },
    },
    {
      name: 'dependencies',
      run: async () => judgeNodePackages(made),
    },
  ];
}

const LOCKS: Readonly<Partial<Record<PackageManager, readonly string[]>>> = {
  npm: ['package-lock.json'],
  pnpm: ['pnpm-lock.yaml'],
  yarn: ['yarn.lock'],
  bun: ['bun.lock', 'bun.lockb'],
};

/** Who moved on to another package manager has its lock, and no longer the one of the first. */
function withManagerInUse(project: Project): Project {
  const { directory, record } = project;
  const hasLock = (manager: PackageManager): boolean =>
    (LOCKS[manager] ?? []).some((file) => existsSync(join(directory, file)));
  const known = Object.keys(LOCKS) as PackageManager[];
  const others = hasLock(record.answers.packageManager) ? [] : known.filter(hasLock);
  const [packageManager, ...more] = others;
  if (packageManager === undefined || more.length > 0) return project;
  return { ...project, record: { ...record, answers: { ...record.answers, packageManager } } };
}

export function judgeNodePackages(made: Project): Judgement {
  const project = withManagerInUse(made);
  const { directory, record } = project;
  const install = formatInstall(project);
  if (hasPlugAndPlay(directory))
    return skipped('yarn keeps them in archives, which only yarn reads');
  if (!existsSync(join(directory, 'node_modules'))) {
    return bad('not installed: there is no node_modules', install);
  }
  const manifest = readPackageManifest(directory);
  const installed = (name: string): string | undefined => readInstalledVersion(directory, name);
  if (record.answers.packageManager !== 'npm') return judgeDirect(manifest, installed, project);

  const lock = readNpmLock(directory);
  if (!lock) return bad('there is no package-lock.json', formatFrom(project, 'npm install'));
  const unlocked = listUnlocked(manifest, lock);
  if (unlocked.length > 0) {
    return bad(
      `package.json and package-lock.json do not agree on ${unlocked.join(', ')}`,
      formatFrom(project, 'npm install'),
    );
  }
  return judgeComparison(
    comparePackages('package-lock.json', listLocked(lock), installed),
    install,
  );
}

/** The locks of the others are not read: what lies below is theirs to keep in step. */
function judgeDirect(
  manifest: PackageManifest,
  installed: (name: string) => string | undefined,
  project: Project,
): Judgement {
  const direct = listDirect(manifest).map(
    // A range is for the package manager to judge: any version will do here.
    (wanted): LockedPackage =>
      isExact(wanted.version)
        ? wanted
        : { ...wanted, version: installed(wanted.name) ?? wanted.version },
  );
  const manager = project.record.answers.packageManager;
  const note = `; what they need themselves is left to ${manager}`;
  const comparison = comparePackages('package.json', direct, installed);
  return judgeComparison(comparison, formatInstall(project), note);
}
