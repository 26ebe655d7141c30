import { bad, good, type Judgement, skipped } from './doctor.ts';
import { count } from './doctor-dependencies.ts';
import { nearest } from './nearest.ts';

/** A project's `.env` beside what its server reads. */
export interface SettingsFile {
  /** Every setting of the server. */
  readonly known: readonly string[];
  /** What the project says in `.env.example`: settings of the user's own are among them. */
  readonly documented: readonly string[];
  /** The names in `.env`; undefined when there is no such file. */
  readonly names: readonly string[] | undefined;
  /** Python's servers take a name in any case. */
  readonly anyCase: boolean;
  /** What production needs and neither `.env` nor the environment has. */
  readonly missing: readonly string[];
  readonly production: boolean;
  /** Names whose value in `.env` loses to another one in the environment. */
  readonly hidden: readonly string[];
  /** What to type to have a .env. */
  readonly copy: string;
}

/** Whether a value is one that the server takes is for the server to say: it does so at its start. */
export function judgeSettings(file: SettingsFile): Judgement {
  const { names = [], production, missing, hidden } = file;
  const unknown = listUnknown(file);
  const mistyped = unknown.flatMap((name) => {
    const meant = nearestSetting(name, file.known);
    // Beside the one that it looks like it is a name of its own.
    return meant === undefined || names.includes(meant) ? [] : [{ name, meant }];
  });
  const own = unknown.filter((name) => !mistyped.some((one) => one.name === name));
  const details = [
    ...mistyped.map(({ name, meant }) => `${name} is no setting: did you mean ${meant}?`),
    ...own.map(
      (name) => `${name} is no setting of this server; a line in .env.example explains it`,
    ),
    ...hidden.map((name) => `${name} in the environment wins over the one in .env`),
  ];
  if (production && missing.length > 0) {
    const text = `APP_ENV is production, and ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not set`;
    return bad(text, `Set ${missing.join(' and ')}, in the environment or in .env`, details);
  }
  const [first] = mistyped;
  if (first) {
    return bad(
      `.env has ${count(mistyped.length, 'name')} that no setting has`,
      `In .env, write ${first.meant} instead of ${first.name}`,
      details,
    );
  }
  const later = missing.length > 0 ? [`production also needs ${missing.join(' and ')}`] : [];
  if (file.names === undefined) {
    const text = 'there is no .env: defaults and the environment';
    return later.length > 0 ? skipped(`${text}; ${later[0]}`, file.copy) : good(text);
  }
  return good(`${count(names.length, 'name')} in .env`, [...details, ...later]);
}

function listUnknown({ names = [], known, documented, anyCase }: SettingsFile): readonly string[] {
  const all = new Set([...known, ...documented]);
  return names.filter((name) => !all.has(name) && !(anyCase && all.has(name.toUpperCase())));
}

/** The one that is a few letters off, else the only one that has all of its words. */
export function nearestSetting(name: string, known: readonly string[]): string | undefined {
  const lower = known.map((one) => one.toLowerCase());
  const near = nearest(name, lower);
  if (near !== undefined) return known[lower.indexOf(near)];
  const words = name.toUpperCase().split('_');
  const holding = known.filter((one) => words.every((word) => one.split('_').includes(word)));
  return holding.length === 1 ? holding[0] : undefined;
}

/** Every name in the text of an `.env.example`, those with a default are commented out. */
export function listNames(text: string): readonly string[] {
  return [...text.matchAll(/^#?[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=/gm)].flatMap(
    ([, name]) => name ?? [],
  );
}
