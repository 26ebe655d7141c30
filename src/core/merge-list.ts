import { insertInOrder } from './order.ts';

/** One entry of a list, with the comments above it. */
export interface ListItem {
  readonly key: string;
  readonly text: string;
}

/** The key of a line that is an item; undefined for one that belongs to the next item. */
type KeyOf = (line: string) => string | undefined;

const patternKey: KeyOf = (line) => (/^\s*(#|$)/.test(line) ? undefined : line);

const LISTS: Readonly<Record<string, KeyOf>> = {
  // A default is commented out, right behind the #; prose has a space there.
  '.env.example': (line) => /^#?([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)?.[1],
  '.gitignore': patternKey,
  '.dockerignore': patternKey,
};

/**
 * A file that is a list, merged by item: two that were added at the same place both stay.
 * Undefined for other files, and where both sides changed one item differently.
 */
export function mergeList(
  path: string,
  yours: string,
  base: string,
  ours: string,
): string | undefined {
  const keyOf = LISTS[path];
  if (!keyOf) return undefined;
  const [a, o, b] = [yours, base, ours].map((text) => readItems(text.split('\n'), keyOf));
  if (!a || !o || !b) return undefined;
  return mergeItems(a, o, b)
    ?.map((item) => item.text)
    .join('\n');
}

/** The same for lines of an array of requirements in TOML, each with a comma at its end. */
export function mergeTomlItems(
  yours: readonly string[],
  base: readonly string[],
  ours: readonly string[],
): readonly string[] | undefined {
  const [a, o, b] = [yours, base, ours].map((lines) => {
    const items = readItems(lines, requirementKey);
    return items?.length === lines.length ? items : undefined;
  });
  if (!a || !o || !b) return undefined;
  return mergeItems(a, o, b)?.map((item) => item.text);
}

const requirementKey: KeyOf = (line) =>
  /^\s*"([A-Za-z0-9][A-Za-z0-9._-]*)[^"]*",\s*(#.*)?$/.exec(line)?.[1]?.toLowerCase();

/** Undefined where a key is there twice, or more than comments belong to no item. */
function readItems(lines: readonly string[], keyOf: KeyOf): readonly ListItem[] | undefined {
  const items: ListItem[] = [];
  let lead: string[] = [];
  for (const line of lines) {
    const key = keyOf(line);
    if (key === undefined && !/^\s*(#|$)/.test(line)) return undefined;
    lead.push(line);
    if (key === undefined) continue;
    items.push({ key, text: lead.join('\n') });
    lead = [];
  }
  if (lead.length > 0) items.push({ key: '', text: lead.join('\n') });
  return new Set(items.map((item) => item.key)).size === items.length ? items : undefined;
}

/**
 * In your order, what we added beside its neighbour.
 * @param oursWins where both changed one item; without it that is undefined
 */
export function mergeItems<Item extends ListItem>(
  yours: readonly Item[],
  base: readonly Item[],
  ours: readonly Item[],
  oursWins = false,
): readonly Item[] | undefined {
  const before = new Map(base.map((item) => [item.key, item.text]));
  const mine = new Map(yours.map((item) => [item.key, item.text]));
  const target = new Map(ours.map((item) => [item.key, item]));
  let merged: readonly Item[] = yours;
  for (const key of new Set([...before.keys(), ...mine.keys(), ...target.keys()])) {
    const [a, o, b] = [mine.get(key), before.get(key), target.get(key)];
    if (b?.text === o || a === b?.text) continue;
    if (a !== o && !oursWins) return undefined;
    if (a === undefined && b) {
      merged = insertInOrder(merged, b, [...target.keys()], (item) => item.key);
    } else {
      merged = merged.flatMap((item) => (item.key === key ? (b ?? []) : item));
    }
  }
  return merged;
}
