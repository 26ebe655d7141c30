import { parseEnv } from 'node:util';
import { transform } from 'esbuild';
import { parse as parseToml } from 'smol-toml';
import { runPython } from './programs.ts';

/** Text that stands for what a user types → what was typed. */
type Typed = ReadonlyMap<string, string>;

/** One rendered file, and the same file with the text that stands for what a user types. */
export interface Pair {
  readonly path: string;
  readonly actual: string;
  readonly plain: string;
  readonly typed: Typed;
}

/**
 * What differs, for each kind of file, between what was rendered and what was meant: the file as
 * parsed from plain answers with the typed values put in. Text that became code differs; so does a
 * value that does not read back.
 */
export async function findDifferences(pairs: readonly Pair[]): Promise<readonly string[]> {
  const python = pairs.filter(({ path }) => path.endsWith('.py'));
  const others = pairs.filter(({ path }) => !path.endsWith('.py'));
  const found = await Promise.all(
    others.map(async (pair) => ((await isAsMeant(pair)) ? [] : [pair])),
  );
  return [...comparePython(python), ...found.flat()].map(
    ({ path, actual }) => `${path}:\n${actual}`,
  );
}

function isAsMeant(pair: Pair): boolean | Promise<boolean> {
  const { path, actual, plain, typed } = pair;
  if (path.endsWith('.ts')) return compareTypeScript(pair);
  if (path.endsWith('.md')) return actual.split('\n').length === plain.split('\n').length;
  const parse = parserOf(path);
  return JSON.stringify(parse(actual)) === JSON.stringify(substitute(parse(plain), typed));
}

function parserOf(path: string): (text: string) => unknown {
  if (path.endsWith('.json')) return JSON.parse;
  if (path.endsWith('.toml')) return parseToml;
  if (path === '.env.example') return (text) => ({ ...parseEnv(text) });
  throw new Error(`${path} has user text in it: say here how it is read`);
}

function substitute(value: unknown, typed: Typed): unknown {
  if (typeof value === 'string') return typed.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => substitute(item, typed));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, substitute(item, typed)]);
  return Object.fromEntries(entries);
}

/** esbuild writes equal strings alike, so JSON's literal in place of ours has to give equal code. */
async function compareTypeScript({ actual, plain, typed }: Pair): Promise<boolean> {
  let meant = plain;
  for (const [text, value] of typed)
    meant = meant.replaceAll(`'${text}'`, () => JSON.stringify(value));
  const [one, two] = await Promise.all(
    [actual, meant].map((code) => transform(code, { loader: 'ts' })),
  );
  return one?.code === two?.code;
}

const COMPARE = `
import ast, json, sys

class Substitute(ast.NodeTransformer):
    def __init__(self, typed):
        self.typed = typed
    def visit_Constant(self, node):
        known = isinstance(node.value, str) and node.value in self.typed
        return ast.Constant(self.typed[node.value]) if known else node

def same(pair):
    meant = Substitute(dict(pair["typed"])).visit(ast.parse(pair["plain"]))
    try:
        return ast.dump(ast.parse(pair["actual"])) == ast.dump(meant)
    except (SyntaxError, ValueError):
        return False

print(json.dumps([same(pair) for pair in json.load(sys.stdin)]))`;

function comparePython(pairs: readonly Pair[]): readonly Pair[] {
  if (pairs.length === 0) return [];
  const input = pairs.map((pair) => ({ ...pair, typed: [...pair.typed] }));
  const same = runPython(COMPARE, input) as readonly boolean[];
  return pairs.filter((_, i) => !same[i]);
}
