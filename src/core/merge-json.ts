type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** A value that one side does not have. */
const ABSENT = Symbol('absent');
type Side = Json | typeof ABSENT;

/**
 * Three-way merge by key, in your order of keys and with your indentation: the two texts differ
 * only where both sides changed one value differently. There, each has its own side's value.
 * Undefined when one of the three is not a JSON object.
 */
export function mergeJson(
  yours: string,
  base: string,
  ours: string,
): { readonly yours: string; readonly ours: string } | undefined {
  try {
    const sides = [yours, base, ours].map((text): Json => JSON.parse(text));
    if (!sides.every(isObject)) return undefined;
    const [a, o, b] = sides as [JsonObject, JsonObject, JsonObject];
    const mine = mergeValues(a, o, b, (value) => value);
    const theirs = mergeValues(a, o, b, (_, value) => value);
    // Nothing to add to yours: its format is no reason to write it again.
    if (equal(mine, a) && equal(theirs, a)) return { yours, ours: yours };
    const format = (value: Side): string => formatLike(yours, value);
    return { yours: format(mine), ours: format(theirs) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Which of two values stays where the sides collide. */
type Choose = (yours: Side, ours: Side) => Side;

function mergeValues(yours: Side, base: Side, ours: Side, choose: Choose): Side {
  if (equal(ours, base) || equal(yours, ours)) return yours;
  if (!isObject(yours) || !isObject(ours)) return equal(yours, base) ? ours : choose(yours, ours);
  const before = isObject(base) ? base : {};
  // A null prototype: a key called `__proto__` is a key like any other.
  const merged: Record<string, Json> = Object.create(null);
  for (const key of new Set([...Object.keys(yours), ...Object.keys(ours)])) {
    const value = mergeValues(side(yours, key), side(before, key), side(ours, key), choose);
    if (value !== ABSENT) merged[key] = value;
  }
  return merged;
}

function formatLike(text: string, value: Side): string {
  const indent = /^[\t ]+(?=")/m.exec(text)?.[0] ?? '  ';
  return `${JSON.stringify(value, null, indent)}\n`;
}

function side(object: JsonObject, key: string): Side {
  return Object.hasOwn(object, key) ? (object[key] as Json) : ABSENT;
}

function isObject(value: Side): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
