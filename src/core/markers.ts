import { compareVersions } from './versions.ts';

/** The names that a marker may use (PEP 508), as this Python has them. */
export type MarkerEnvironment = Readonly<Record<string, string>>;

const TOKEN = /\s*(?:('[^']*'|"[^"]*")|([a-z_]+)|(~=|===?|!=|<=?|>=?)|([()]))/gy;
const VERSIONS = /^(python_version|python_full_version|implementation_version)$/;

type Operand = { readonly text: string; readonly isVersion: boolean };

/** Whether a requirement with this marker is meant for this environment; undefined if unreadable. */
export function evaluateMarker(
  marker: string,
  environment: MarkerEnvironment,
): boolean | undefined {
  const tokens = [...marker.trimEnd().matchAll(TOKEN)].map(([text]) => text.trim());
  if (tokens.join('') !== marker.replace(/\s+(?=(?:[^'"]|'[^']*'|"[^"]*")*$)/g, ''))
    return undefined;
  let at = 0;
  try {
    const result = readOr();
    return at === tokens.length ? result : undefined;
  } catch {
    return undefined;
  }

  function readOr(): boolean {
    let result = readAnd();
    while (take('or')) result = readAnd() || result;
    return result;
  }

  function readAnd(): boolean {
    let result = readOne();
    while (take('and')) result = readOne() && result;
    return result;
  }

  function readOne(): boolean {
    if (!take('(')) return compare(readOperand(), readOperator(), readOperand());
    const result = readOr();
    if (!take(')')) throw new Error('not closed');
    return result;
  }

  function readOperator(): string {
    const operator = tokens[at++] ?? '';
    return operator === 'not' && take('in') ? 'not in' : operator;
  }

  function readOperand(): Operand {
    const token = tokens[at++] ?? '';
    if (/^['"]/.test(token)) return { text: token.slice(1, -1), isVersion: false };
    const text = environment[token];
    if (text === undefined) throw new Error('not a name of a marker');
    return { text, isVersion: VERSIONS.test(token) };
  }

  function take(token: string): boolean {
    if (tokens[at] !== token) return false;
    at++;
    return true;
  }
}

function compare(left: Operand, operator: string, right: Operand): boolean {
  const [a, b] = [left.text, right.text];
  if (operator === 'in') return b.includes(a);
  if (operator === 'not in') return !b.includes(a);
  if (operator === '===') return a === b;
  const versions = left.isVersion || right.isVersion;
  if (versions && /[*]/.test(a + b)) throw new Error('a pattern of versions');
  const order = versions ? compareVersions(a, b) : a < b ? -1 : a > b ? 1 : 0;
  const known: Readonly<Record<string, boolean>> = {
    '==': order === 0,
    '!=': order !== 0,
    '<': order < 0,
    '<=': order <= 0,
    '>': order > 0,
    '>=': order >= 0,
  };
  const result = known[operator];
  if (result === undefined) throw new Error('not an operator that is read here');
  return result;
}
