import { formatJson } from './compose.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** A value that one side does not have. */
const ABSENT = Symbol('absent');
type Side = Json | typeof ABSENT;

/**
 * Three-way merge by key, in your order of keys. Undefined when a text is not a JSON object, or
 * when both sides changed one value differently.
 */
export function mergeJson(yours: string, base: string, ours: string): string | undefined {
  try {
    const merged = mergeValues(JSON.parse(yours), JSON.parse(base), JSON.parse(ours));
    return isObject(merged) ? formatJson(merged) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Collision) return undefined;
    throw error;
  }
}

class Collision extends Error {}

function mergeValues(yours: Side, base: Side, ours: Side): Side {
  if (equal(ours, base) || equal(yours, ours)) return yours;
  if (equal(yours, base)) return ours;
  if (!isObject(yours) || !isObject(ours)) throw new Collision();
  const before = isObject(base) ? base : {};
  // A null prototype: a key called `__proto__` is a key like any other.
  const merged: Record<string, Json> = Object.create(null);
  for (const key of new Set([...Object.keys(yours), ...Object.keys(ours)])) {
    const value = mergeValues(side(yours, key), side(before, key), side(ours, key));
    if (value !== ABSENT) merged[key] = value;
  }
  return merged;
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
