import { usageError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';

/** A parser for an option that takes one of a few words: exit code 2 and the nearest for others. */
export function oneOf<Word extends string>(flag: string, known: readonly Word[]) {
  return (word: string): Word => {
    if ((known as readonly string[]).includes(word)) return word as Word;
    const near = nearest(word, known);
    throw usageError(
      `${flag} takes ${known.join(', ')}; not ${JSON.stringify(word)}.`,
      near && `Did you mean ${flag} ${near}?`,
    );
  };
}

/** No version has an add-on yet: any name is unknown, and says so. */
export function parseAddons(text: string): readonly string[] {
  const names = text.split(',').flatMap((name) => name.trim() || []);
  if (names.length === 0) return [];
  throw usageError(
    `--with does not know ${names.map((name) => JSON.stringify(name)).join(', ')}.`,
    'This version has no add-ons.',
  );
}
