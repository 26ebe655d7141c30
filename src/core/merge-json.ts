import { isObject, type Json, type JsonNode, parseJsonText } from './json-text.ts';
import { insertInOrder } from './order.ts';

/** A value that one side does not have. */
const ABSENT = Symbol('absent');
type Side = Json | typeof ABSENT;

/** Which side a value comes from where both changed it differently. */
export type Winner = 'yours' | 'ours';

/**
 * Three-way merge by key into your text: what we do not change stays as you wrote it, white space
 * included, and what we add stands beside the neighbour that it has in ours. The two texts differ
 * only where both sides changed one value differently. There, each has its own side's value.
 * Undefined when one of the three is not a JSON object.
 */
export function mergeJson(
  yours: string,
  base: string,
  ours: string,
): { readonly yours: string; readonly ours: string } | undefined {
  const mine = mergeJsonFor('yours', yours, base, ours);
  const theirs = mergeJsonFor('ours', yours, base, ours);
  return mine === undefined || theirs === undefined ? undefined : { yours: mine, ours: theirs };
}

/**
 * @param isAtom for paths of objects that are one value: both sides' keys are not mixed in them
 */
export function mergeJsonFor(
  winner: Winner,
  yours: string,
  base: string,
  ours: string,
  isAtom: (path: readonly string[]) => boolean = () => false,
): string | undefined {
  try {
    const node = parseJsonText(yours);
    const sides: readonly Json[] = [JSON.parse(base), JSON.parse(ours)];
    if (!node.members || !sides.every(isObject)) return undefined;
    const [o, b] = sides as [Json, Json];
    const unit = /^[\t ]+(?=")/m.exec(yours)?.[0] ?? (yours.includes('\n') ? '  ' : '');
    const start = yours.search(/[^\t\n\r ]/);
    const end = start + node.text.length;
    const merged = mergeNode(node, o, b, { winner, isAtom, unit }, [], '\n');
    return yours.slice(0, start) + merged + yours.slice(end);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Rules {
  readonly winner: Winner;
  readonly isAtom: (path: readonly string[]) => boolean;
  /** One step of indentation; empty where the text is all on one line. */
  readonly unit: string;
}

/** @param lead line break and indentation of the place, for what has to be written anew */
function mergeNode(
  yours: JsonNode | undefined,
  base: Side,
  ours: Side,
  rules: Rules,
  path: readonly string[],
  lead: string,
): string | undefined {
  const mine = yours ? yours.value : ABSENT;
  if (equal(ours, base) || equal(mine, ours)) return yours?.text;
  if (yours?.members && isObject(ours) && !rules.isAtom(path)) {
    const before = isObject(base) ? base : {};
    return mergeMembers(yours, before, ours, rules, path, lead);
  }
  // Both made an object where there was none: what one lacks it has not removed.
  if (equal(mine, base) || rules.winner === 'ours') return formatValue(ours, rules, lead);
  return yours?.text;
}

function mergeMembers(
  yours: JsonNode,
  base: { readonly [key: string]: Json },
  ours: { readonly [key: string]: Json },
  rules: Rules,
  path: readonly string[],
  lead: string,
): string {
  const { members = [] } = yours;
  const inner = rules.unit && `${lead}${rules.unit}`;
  const mergedText = (key: string, beside: Spaced | undefined, node?: JsonNode) =>
    mergeNode(
      node,
      side(base, key),
      side(ours, key),
      rules,
      [...path, key],
      lineOf(beside?.lead ?? inner),
    );
  let pieces: readonly Piece[] = members.flatMap((member) => {
    const value = mergedText(member.key, member, member.node);
    return value === undefined ? [] : [{ ...member, value }];
  });
  const order = Object.keys(ours);
  for (const key of order) {
    if (members.some((member) => member.key === key)) continue;
    const beside = pieces.at(-1);
    const value = mergedText(key, beside);
    if (value === undefined) continue;
    const colon = beside
      ? beside.head.slice(beside.head.lastIndexOf(':'))
      : rules.unit
        ? ': '
        : ':';
    const head = `${JSON.stringify(key)}${colon}`;
    const added: Piece = { key, lead: beside?.lead ?? inner, head, value, trail: '' };
    pieces = insertInOrder(pieces, added, order, (piece) => piece.key);
  }
  if (pieces.length === 0) return '{}';
  const end = members.at(-1)?.trail ?? (rules.unit && lead);
  const texts = pieces.map((piece, index) => {
    const trail =
      index === pieces.length - 1 ? end : piece.key === members.at(-1)?.key ? '' : piece.trail;
    return `${piece.lead}${piece.head}${piece.value}${trail}`;
  });
  return `{${texts.join(',')}}`;
}

interface Spaced {
  readonly lead: string;
}

interface Piece extends Spaced {
  readonly key: string;
  readonly head: string;
  readonly value: string;
  readonly trail: string;
}

/** The last line break and the indentation behind it; empty where there is no break. */
function lineOf(lead: string): string {
  return lead.slice(lead.lastIndexOf('\n')).replace(/^[^\n].*/s, '');
}

function formatValue(value: Side, { unit }: Rules, lead: string): string | undefined {
  if (value === ABSENT) return undefined;
  return lead ? JSON.stringify(value, null, unit).replaceAll('\n', lead) : JSON.stringify(value);
}

function side(object: { readonly [key: string]: Json }, key: string): Side {
  return Object.hasOwn(object, key) ? (object[key] as Json) : ABSENT;
}

/** The same value, whatever the order of keys. */
function equal(a: Side, b: Side): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item, b[index] as Json));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] as Json, b[key] as Json))
  );
}
