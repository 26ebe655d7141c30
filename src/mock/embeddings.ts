import { countTokens } from './answer.ts';
import { ApiError, missing, wrongType } from './errors.ts';
import { type Fields, readFields, readInteger, readModel } from './read.ts';
import type { Reply } from './reply.ts';

const DEFAULT_DIMENSIONS = 1536;
const MAX_DIMENSIONS = 3072;
const MAX_INPUTS = 2048;

/** `POST /v1/embeddings`: the same input has the same vector; different ones are unrelated. */
export function answerEmbeddings(body: unknown): Reply {
  const fields = readFields(body);
  const model = readModel(fields);
  const inputs = readInputs(fields);
  const dimensions = readInteger(fields, 'dimensions', 1, MAX_DIMENSIONS) ?? DEFAULT_DIMENSIONS;
  const format = readFormat(fields);
  const tokens = inputs.reduce((sum, input) => sum + countInput(input), 0);
  const data = () =>
    inputs.map((input, index) => {
      const vector = embed(typeof input === 'string' ? input : input.join(' '), dimensions);
      const embedding = format === 'base64' ? encodeVector(vector) : [...vector];
      return { object: 'embedding', index, embedding };
    });

  return {
    model,
    tokens: 0,
    renderBody: () =>
      JSON.stringify({
        object: 'list',
        data: data(),
        model,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      }),
  };
}

type Input = string | readonly number[];

function countInput(input: Input): number {
  return typeof input === 'string' ? countTokens(input) : input.length;
}

/** One text, several texts, one list of token numbers, or several of them. */
function readInputs({ input }: Fields): readonly Input[] {
  if (input === undefined || input === null) throw missing('input');
  const list = Array.isArray(input) && typeof input[0] !== 'number' ? input : [input];
  for (const one of list) {
    const isTokens = Array.isArray(one) && one.every(Number.isInteger);
    if (typeof one !== 'string' && !isTokens) throw wrongType('input', 'text or tokens', one);
    if (one.length === 0) throw new ApiError(400, "'input' cannot be empty.", { param: 'input' });
  }
  if (list.length > 0 && list.length <= MAX_INPUTS) return list;
  throw new ApiError(400, `'input' must have 1 to ${MAX_INPUTS} elements.`, { param: 'input' });
}

function readFormat({ encoding_format: format }: Fields): 'float' | 'base64' {
  if (format === undefined || format === null || format === 'float') return 'float';
  if (format === 'base64') return format;
  throw new ApiError(400, "'encoding_format' must be 'float' or 'base64'.", {
    param: 'encoding_format',
  });
}

/** Numbers from an xorshift generator seeded with the input's FNV-1a hash, scaled to length 1. */
function embed(input: string, dimensions: number): Float32Array {
  let state = 0x811c9dc5;
  for (let i = 0; i < input.length; i++) {
    state = Math.imul(state ^ input.charCodeAt(i), 0x01000193);
  }
  state ||= 1;
  const vector = Float32Array.from({ length: dimensions }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 0x80000000;
  });
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** Little-endian 32-bit floats, whatever this machine's order. */
function encodeVector(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, 4 * index);
  return bytes.toString('base64');
}
