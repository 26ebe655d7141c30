import { bad, good, type Judgement, skipped } from './doctor.ts';
import { compareVersions } from './versions.ts';

interface Runtime {
  readonly title: string;
  readonly version: string;
  /** Where it is, for the line; empty for the one on the PATH. */
  readonly where?: string;
  /** What the project asks for; undefined when it asks for nothing. */
  readonly range: string | undefined;
  readonly site: string;
}

/** Only `>=` is read: it is what our stacks write, and a wrong verdict would be worse than none. */
export function judgeRuntime({ title, version, where = '', range, site }: Runtime): Judgement {
  const found = `${version}${where}`;
  if (range === undefined) return good(found);
  const oldest = /^>=\s*(\d+(?:\.\d+)*)$/.exec(range.trim())?.[1];
  if (oldest === undefined)
    return skipped(`${found}; whether it fits "${range}" is not for this to say`);
  if (compareVersions(version, oldest) >= 0) return good(`${found} (${oldest} or newer is needed)`);
  return bad(
    `${found} is too old: ${oldest} or newer is needed`,
    `Install ${title} ${oldest} or newer: ${site}`,
  );
}
