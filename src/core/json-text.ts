export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A JSON value with the very text that it was written as. */
export interface JsonNode {
  readonly value: Json;
  readonly text: string;
  /** Of an object only. */
  readonly members?: readonly JsonMember[];
}

/** `lead` and `colon` hold the white space around the key, so that it can be written again. */
export interface JsonMember {
  readonly lead: string;
  readonly key: string;
  /** The key as written, up to where its value starts. */
  readonly head: string;
  readonly node: JsonNode;
  /** White space up to the comma or brace. */
  readonly trail: string;
}

/** @throws SyntaxError for what is no JSON, and for an object that has a key twice */
export function parseJsonText(text: string): JsonNode {
  const value = JSON.parse(text) as Json;
  const lead = skip(text, 0, SPACE);
  return readNode(text, lead, value);
}

const SPACE = /[\t\n\r ]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;

/** The text is known to be JSON: nothing is checked again but keys. */
function readNode(text: string, start: number, value: Json): JsonNode {
  if (!isObject(value)) return { value, text: text.slice(start, skipValue(text, start)) };
  const members: JsonMember[] = [];
  let at = start + 1;
  while (text[at] !== '}') {
    const keyStart = skip(text, at, SPACE);
    if (text[keyStart] === '}') {
      at = keyStart;
      break;
    }
    const lead = text.slice(at, keyStart);
    const keyEnd = skip(text, keyStart, STRING);
    const key = JSON.parse(text.slice(keyStart, keyEnd)) as string;
    if (members.some((member) => member.key === key))
      throw new SyntaxError(`${key} is there twice`);
    const colon = skip(text, keyEnd, SPACE) + 1;
    const valueStart = skip(text, colon, SPACE);
    const node = readNode(text, valueStart, value[key] as Json);
    const trailStart = valueStart + node.text.length;
    at = skip(text, trailStart, SPACE);
    const head = text.slice(keyStart, valueStart);
    members.push({ lead, key, head, node, trail: text.slice(trailStart, at) });
    if (text[at] === ',') at++;
  }
  return { value, text: text.slice(start, at + 1), members };
}

/** Past one value of any kind. */
function skipValue(text: string, start: number): number {
  if (text[start] === '"') return skip(text, start, STRING);
  if (text[start] !== '[' && text[start] !== '{') return skip(text, start, SCALAR);
  let depth = 0;
  let at = start;
  do {
    if (text[at] === '"') {
      at = skip(text, at, STRING);
      continue;
    }
    if (text[at] === '[' || text[at] === '{') depth++;
    if (text[at] === ']' || text[at] === '}') depth--;
    at++;
  } while (depth > 0);
  return at;
}

function skip(text: string, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
