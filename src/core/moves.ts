import { comparePaths, type FileTree, sortTree } from './tree.ts';

/** Less in common than this, and it is another file. */
const LEAST_LIKENESS = 0.6;
const LEAST_LINES = 3;

/** Where a file that we made lies now: its path in `base` → its path on disk. */
export type Moves = ReadonlyMap<string, string>;

/**
 * Which files somebody moved, as git finds it out: by what they have in common. Each file is at
 * most one other, the likest one.
 *
 * @param gone files as we made them that are not where we put them
 * @param others files that are there and not ours
 */
export function findMoves(gone: FileTree, others: FileTree): Moves {
  const pairs = [...gone].flatMap(([from, made]) =>
    [...others]
      .filter(([to]) => extensionOf(to) === extensionOf(from))
      .map(([to, { text }]) => ({ from, to, likeness: measureLikeness(made.text, text) })),
  );
  const likely = pairs
    .filter(({ likeness }) => likeness >= LEAST_LIKENESS)
    .sort((a, b) => b.likeness - a.likeness || comparePaths(a.from + a.to, b.from + b.to));
  const moves = new Map<string, string>();
  const taken = new Set<string>();
  for (const { from, to } of likely) {
    if (moves.has(from) || taken.has(to)) continue;
    moves.set(from, to);
    taken.add(to);
  }
  return moves;
}

/** The tree as if we had put each file where it was moved to. */
export function followMoves(files: FileTree, moves: Moves): FileTree {
  return sortTree([...files].map(([path, file]) => [moves.get(path) ?? path, file]));
}

export function extensionOf(path: string): string {
  return /[^/]\.([^./]+)$/.exec(path)?.[1] ?? '';
}

/** The share of lines that two texts have in common, blank ones left out: 0 to 1. */
function measureLikeness(a: string, b: string): number {
  const [mine, theirs] = [a, b].map((text) => text.split(/\r?\n/).filter((line) => line.trim()));
  if (!mine || !theirs || Math.min(mine.length, theirs.length) < LEAST_LINES) return 0;
  const left = new Map<string, number>();
  for (const line of mine) left.set(line, (left.get(line) ?? 0) + 1);
  let common = 0;
  for (const line of theirs) {
    const count = left.get(line) ?? 0;
    if (count > 0) common++;
    left.set(line, count - 1);
  }
  return (2 * common) / (mine.length + theirs.length);
}
