/** What the mock says: the same prompt always gets the same words. */

export interface Answer {
  /** The answer cut into the pieces that a stream sends; their number is the output's tokens. */
  readonly tokens: readonly string[];
  readonly text: string;
  /** Whether the caller's token limit cut the answer. */
  readonly cut: boolean;
}

const GREETING =
  'Hello! This is the built-in mock: no model was asked and nothing was spent. ' +
  'Set OPENAI_API_KEY to get real answers.';
const GREETING_TOKENS = splitTokens(GREETING);
const ECHO_LENGTH = 80;

/** @param length its tokens, where they are not to be as many as the words have */
export function writeAnswer(
  prompt: string,
  maxTokens = Number.POSITIVE_INFINITY,
  length?: number,
): Answer {
  if (length !== undefined) return writeLength(Math.min(length, maxTokens), length > maxTokens);
  const echo = shorten(prompt);
  const reply = echo ? ` You wrote: ${echo}` : '';
  return cutAnswer(GREETING_TOKENS.concat(splitTokens(reply)), GREETING + reply, maxTokens);
}

/** Says just this. */
export function writeText(text: string, maxTokens = Number.POSITIVE_INFINITY): Answer {
  return cutAnswer(splitTokens(text), text, maxTokens);
}

function cutAnswer(all: readonly string[], text: string, maxTokens: number): Answer {
  if (all.length <= maxTokens) return { tokens: all, text, cut: false };
  const tokens = all.slice(0, maxTokens);
  return { tokens, text: tokens.join(''), cut: true };
}

/** The greeting, over and over. */
function writeLength(length: number, cut: boolean): Answer {
  const { length: words } = GREETING_TOKENS;
  const tokens = Array.from({ length }, (_, nth) => GREETING_TOKENS[nth % words] ?? '');
  return { tokens, text: tokens.join(''), cut };
}

/** About what a tokenizer says of English: four characters each. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Words with the white space before them, long ones in parts: a token never splits a character. */
function splitTokens(text: string): string[] {
  return text.match(/\s*\S{1,8}/gu) ?? [];
}

/** Only the start is looked at: a prompt may be megabytes. A lone surrogate is no character. */
function shorten(prompt: string): string {
  const start = prompt.slice(0, 4 * ECHO_LENGTH).replace(/\p{Surrogate}/gu, '\uFFFD');
  const line = start.replace(/\s+/g, ' ').trim();
  const whole = start.length === prompt.length;
  if (whole && line.length <= ECHO_LENGTH) return line;
  const characters = [...line];
  if (whole && characters.length <= ECHO_LENGTH) return line;
  return `${characters.slice(0, ECHO_LENGTH).join('').trimEnd()}...`;
}
