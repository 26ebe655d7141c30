import { type ListItem, mergeItems } from './merge-list.ts';

const HEAD = /^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==/;
/** What a file is, and the one that it goes on from. */
const INTRO = /^(#|-r )/;
const REST = /^\s+(--hash=|#)/;

/**
 * A hashed `requirements.txt` by requirement; where both sides locked one differently, ours wins.
 * Undefined where a side has more than pinned requirements in it.
 */
export function mergeRequirements(yours: string, base: string, ours: string): string | undefined {
  const [a, o, b] = [yours, base, ours].map(readRequirements);
  if (!a || !o || !b) return undefined;
  const items = mergeItems(a.items, o.items, b.items, true) ?? [];
  const intro = a.intro === o.intro ? b.intro : a.intro;
  return `${[intro, ...items.map((item) => item.text)].filter(Boolean).join('\n')}\n`;
}

/** Undefined where it has more than pinned requirements, or one of them twice. */
export function readRequirements(
  text: string,
): { intro: string; items: readonly ListItem[] } | undefined {
  const lines = text.replace(/\n+$/, '').split('\n');
  const first = lines.findIndex((line) => !INTRO.test(line));
  const items: { key: string; text: string }[] = [];
  for (const line of lines.slice(first < 0 ? lines.length : first)) {
    const key = HEAD.exec(line)?.[1]?.toLowerCase();
    const last = items.at(-1);
    if (key !== undefined) items.push({ key, text: line });
    else if (last && REST.test(line)) last.text += `\n${line}`;
    else return undefined;
  }
  const names = new Set(items.map((item) => item.key));
  // One package at two versions, each for a part of the world: not for us to sort out.
  if (names.size < items.length) return undefined;
  return { intro: lines.slice(0, Math.max(first, 0)).join('\n'), items };
}
