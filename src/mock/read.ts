import { ApiError, missing, wrongType } from './errors.ts';
import { FAULTS, parseFault } from './faults.ts';

/** Reading a request's body: each function returns the value or throws the error to answer. */

export type Fields = Readonly<Record<string, unknown>>;

export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, 'We could not parse the JSON body of your request.');
  }
}

export function readFields(value: unknown, param = 'body'): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType(param, 'an object', value);
  }
  return value as Fields;
}

/** Any name will do, except a `mock-…` that is no fault: a typo there must not look like success. */
export function readModel({ model }: Fields): string {
  if (model === undefined || model === null || model === '') {
    throw new ApiError(400, 'you must provide a model parameter');
  }
  if (typeof model !== 'string') throw wrongType('model', 'a string', model);
  checkModel(model);
  return model;
}

export function checkModel(model: string): void {
  if (!model.startsWith('mock-') || parseFault(model.slice(5))) return;
  const known = FAULTS.map(({ name }) => `mock-${name}`).join(', ');
  throw new ApiError(404, `The model '${model}' does not exist. The mock knows: ${known}.`, {
    code: 'model_not_found',
  });
}

export function readBoolean(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
}

export function readNumber(
  fields: Fields,
  name: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (value >= min && value <= max) return value;
  const [side, bound] =
    value < min ? ['below minimum', `>= ${min}`] : ['above maximum', `<= ${max}`];
  throw new ApiError(
    400,
    `Invalid '${name}': number ${side} value. Expected a value ${bound}, but got ${value} instead.`,
    { param: name, code: value < min ? 'integer_below_min_value' : 'integer_above_max_value' },
  );
}

export function readInteger(fields: Fields, name: string, min: number, max?: number) {
  const value = readNumber(fields, name, min, max);
  if (value !== undefined && !Number.isInteger(value)) throw wrongType(name, 'an integer', value);
  return value;
}

/** The text of a message's content: a string, or parts of which only those with text count. */
export function readText(content: unknown, param: string): string {
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) return '';
  if (!Array.isArray(content)) throw wrongType(param, 'a string or an array of parts', content);
  return content
    .map((part, index) => readFields(part, `${param}[${index}]`).text)
    .filter((text) => typeof text === 'string')
    .join('\n');
}

export function readList(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (value === undefined) throw missing(name);
  if (!Array.isArray(value)) throw wrongType(name, 'an array', value);
  if (value.length > 0) return value;
  throw new ApiError(400, `Invalid '${name}': empty array. Expected at least one element.`, {
    param: name,
    code: 'empty_array',
  });
}
