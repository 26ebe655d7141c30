import { merge as diff3, mergeDigIn } from 'node-diff3';
import { mergeJson } from './merge-json.ts';

export interface Merged {
  readonly text: string;
  /** Whether both sides changed the same place: then `text` has both, between conflict markers. */
  readonly conflict: boolean;
}

/**
 * Three versions of one file into one. `package.json` merges by key, every other file by hunk.
 *
 * @param yours the file as it is on disk
 * @param base the file as it was rendered when the project was made
 * @param ours the file as it would be rendered now
 */
export function mergeFile(path: string, yours: string, base: string, ours: string): Merged {
  if (path === 'package.json') {
    const merged = mergeJson(yours, base, ours);
    if (merged) return markDifferences(merged.yours, merged.ours);
  }
  return mergeText(yours, base, ours);
}

const LABELS = { a: 'yours', b: 'create-llm-api' } as const;

function mergeText(yours: string, base: string, ours: string): Merged {
  const { conflict, result } = diff3(splitLines(yours), splitLines(base), splitLines(ours), {
    excludeFalseConflicts: true,
    label: LABELS,
  });
  return { text: result.join('\n'), conflict };
}

/** Every line in which two texts differ between markers; a conflict where there is one. */
function markDifferences(yours: string, ours: string): Merged {
  if (yours === ours) return { text: yours, conflict: false };
  const { result } = mergeDigIn(splitLines(yours), [], splitLines(ours), { label: LABELS });
  return { text: result.join('\n'), conflict: true };
}

/** An editor on Windows may have changed every line end: that is no change of yours. */
function splitLines(text: string): string[] {
  return text.split(/\r?\n/);
}
