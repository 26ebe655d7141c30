import {
  isObject,
  type Json,
  type JsonMember,
  type JsonNode,
  type JsonObject,
  parseJsonText,
} from './json-text.ts';
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
    const place = { path: [], lead: '\n' };
    const merged = mergeNode(node, o, b, { winner, isAtom, unit }, place);
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

/** Where in the file: the keys above, and the line break and indentation of what is there. */
interface Place {
  readonly path: readonly string[];
  readonly lead: string;
}

/** One value as text in your file; undefined where there is to be none. */
function mergeNode(
  yours: JsonNode | undefined,
  base: Side,
  ours: Side,
  rules: Rules,
  place: Place,
): string | undefined {
  const mine = yours ? yours.value : ABSENT;
  if (equal(ours, base) || equal(mine, ours)) return yours?.text;
  if (yours?.members && isObject(ours) && !rules.isAtom(place.path)) {
    // Where both made an object of what was none: what one lacks it has not removed.
    return mergeMembers(yours.members, isObject(base) ? base : {}, ours, rules, place);
  }
  if (equal(mine, base) || rules.winner === 'ours') return formatValue(ours, rules, place.lead);
  return yours?.text;
}

function mergeMembers(
  members: readonly JsonMember[],
  base: JsonObject,
  ours: JsonObject,
  rules: Rules,
  { path, lead }: Place,
): string {
  const inner = rules.unit && `${lead}${rules.unit}`;
  const mergeMember = (key: string, leadThere: string, node?: JsonNode): string | undefined => {
    const place = { path: [...path, key], lead: lineOf(leadThere) };
    return mergeNode(node, side(base, key), side(ours, key), rules, place);
  };
  let pieces: readonly Piece[] = members.flatMap((member) => {
    const value = mergeMember(member.key, member.lead, member.node);
    return value === undefined ? [] : [{ ...member, value }];
  });
  const order = Object.keys(ours);
  for (const key of order) {
    if (members.some((member) => member.key === key)) continue;
    const beside = pieces.at(-1);
    const leadThere = beside?.lead ?? inner;
    const value = mergeMember(key, leadThere);
    if (value === undefined) continue;
    const head = `${JSON.stringify(key)}${beside ? colonOf(beside) : rules.unit ? ': ' : ':'}`;
    const added: Piece = { key, lead: leadThere, head, value, trail: '' };
    pieces = insertInOrder(pieces, added, order, (piece) => piece.key);
  }
  return joinPieces(pieces, members.at(-1), rules.unit && lead);
}

/** A key and its value as they are written; see JsonMember. */
interface Piece {
  readonly lead: string;
  readonly key: string;
  readonly head: string;
  readonly value: string;
  readonly trail: string;
}

/** @param last whose trail is the white space before the closing brace; `end` where there is none */
function joinPieces(pieces: readonly Piece[], last: JsonMember | undefined, end: string): string {
  if (pieces.length === 0) return '{}';
  const texts = pieces.map(({ lead, key, head, value, trail }, index) => {
    const isEnd = index === pieces.length - 1;
    const space = isEnd ? (last?.trail ?? end) : key === last?.key ? '' : trail;
    return `${lead}${head}${value}${space}`;
  });
  return `{${texts.join(',')}}`;
}

/** The colon with the white space behind it. */
function colonOf({ head }: Piece): string {
  return head.slice(head.lastIndexOf(':'));
}

/** The last line break and the indentation behind it; empty where there is no break. */
function lineOf(lead: string): string {
  return lead.slice(lead.lastIndexOf('\n')).replace(/^[^\n].*/s, '');
}

function formatValue(value: Side, { unit }: Rules, lead: string): string | undefined {
  if (value === ABSENT) return undefined;
  return lead ? JSON.stringify(value, null, unit).replaceAll('\n', lead) : JSON.stringify(value);
}

function side(object: JsonObject, key: string): Side {
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
