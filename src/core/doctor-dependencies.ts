import { bad, good, type Judgement } from './doctor.ts';

/** A package as the lock has it; `dev` where only tests, types and linters need it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly dev: boolean;
}

/** How what is installed differs from the lock. */
export interface Comparison {
  /** The file that was compared with. */
  readonly lock: string;
  readonly locked: readonly LockedPackage[];
  readonly missing: readonly LockedPackage[];
  /** In the lock's words: "openai 3.53.0, locked is 3.54.0". */
  readonly different: readonly string[];
}

/** @param installed undefined for a package that is not there */
export function comparePackages(
  lock: string,
  locked: readonly LockedPackage[],
  installed: (name: string) => string | undefined,
): Comparison {
  const missing = locked.filter(({ name }) => installed(name) === undefined);
  const different = locked.flatMap(({ name, version }) => {
    const found = installed(name);
    return found === undefined || found === version
      ? []
      : [`${name} is ${found}, locked is ${version}`];
  });
  return { lock, locked, missing, different };
}

const SHOWN = 5;

/** @param install what to type to install exactly what the lock says */
export function judgeComparison(comparison: Comparison, install: string, note = ''): Judgement {
  const { lock, locked, missing, different } = comparison;
  const tools = locked.filter(({ dev }) => dev);
  // Installed as for production, on purpose: the server is whole.
  const withoutTools = missing.length > 0 && missing.every(({ dev }) => dev);
  const wanted = withoutTools && missing.length === tools.length ? [] : missing;
  const lines = [...different, ...wanted.map(({ name }) => `${name} is not installed`)];
  if (lines.length === 0) {
    const present = locked.length - missing.length;
    const rest = missing.length > 0 ? ', without those for tests and lint' : '';
    return good(`${count(present, 'package')} as in ${lock}${rest}${note}`);
  }
  const more = lines.length - SHOWN;
  return bad(`${lines.length} of ${count(locked.length, 'package')} not as in ${lock}`, install, [
    ...lines.slice(0, SHOWN),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]);
}

export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
