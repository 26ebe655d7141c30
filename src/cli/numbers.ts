import { parsePort } from '../core/address.ts';
import { usageError } from '../core/errors.ts';

/** A parser for an option that takes a port. */
export function port(text: string): number {
  const parsed = parsePort(text);
  if (parsed !== undefined) return parsed;
  throw usageError(`--port takes a number from 1 to 65535; not ${JSON.stringify(text)}.`);
}

/** A parser for an option that takes a number within bounds, whole unless `fraction` is set. */
export function numberWithin(
  flag: string,
  [min, max]: readonly [number, number],
  { fraction = false } = {},
) {
  const shape = fraction ? /^\d+(\.\d+)?$/ : /^\d+$/;
  return (text: string): number => {
    const value = Number(text);
    if (shape.test(text) && value >= min && value <= max) return value;
    const kind = fraction ? 'a number' : 'a whole number';
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`;
    throw usageError(`${flag} takes ${kind} ${range}; not ${JSON.stringify(text)}.`);
  };
}
