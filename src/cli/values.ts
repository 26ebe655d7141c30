import { type AddonName, parseAddonNames } from '../core/addons.ts';
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

/** `--with docker,github-actions`. */
export function parseAddons(text: string): readonly AddonName[] {
  return parseAddonNames(text.split(',').flatMap((name) => name.trim() || []));
}
