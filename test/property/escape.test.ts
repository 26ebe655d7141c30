import { runInNewContext } from 'node:vm';
import { transformSync } from 'esbuild';
import fc from 'fast-check';
import { parse as parseToml } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { json, md, py, sh, toml, ts, yaml } from '../../src/core/escape.ts';
import { anyString, nastyText } from './arbitraries.ts';
import { runPython, runWith } from './programs.ts';

/** One process, or one parse, for many values. */
const batch = (text: fc.Arbitrary<string>) =>
  fc.array(text, { minLength: 1, maxLength: 200, size: 'max' });

describe('what was typed comes back out of the parsed file, and nothing else', () => {
  test('json', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        expect(JSON.parse(json(text))).toBe(text);
        expect(json(text)).toMatch(/^[ -~]+$/);
      }),
      { numRuns: 1000 },
    );
  });

  test('ts', () => {
    fc.assert(
      fc.property(batch(anyString), (values) => {
        const source = `const values: readonly string[] = [${values.map(ts).join(', ')}];\nvalues`;
        const { code } = transformSync(source, { loader: 'ts' });
        expect([...runInNewContext(code)]).toEqual(values);
        expect(values.map(ts).join('')).toMatch(/^[ -~]+$/);
      }),
      { numRuns: 20 },
    );
  });

  test('py', () => {
    const program = `
import ast, json, sys
source, values = json.load(sys.stdin)
nodes = ast.parse(source).body[0].value.elts
same = [type(node) is ast.Constant and node.value == value for node, value in zip(nodes, values, strict=True)]
print(json.dumps([value for value, ok in zip(values, same) if not ok]))`;
    fc.assert(
      fc.property(batch(anyString), (values) => {
        const source = `values = [${values.map(py).join(', ')}]\n`;
        expect(runPython(program, [source, values])).toEqual([]);
        expect(source).toMatch(/^[ -~]+\n$/);
      }),
      { numRuns: 5 },
    );
  });

  test('toml', () => {
    fc.assert(
      fc.property(nastyText, fc.array(nastyText), (text, items) => {
        const parsed = parseToml(`text = ${toml(text)}\nitems = ${toml(items)}\nlast = 1\n`);
        expect(parsed).toEqual({ text, items, last: 1 });
      }),
      { numRuns: 500 },
    );
  });

  test('yaml', () => {
    fc.assert(
      fc.property(nastyText, (text) => {
        const scalar = yaml(text);
        expect(scalar).toMatch(/^"[ -~]*"$/);
        // YAML's double-quoted scalar is JSON's string, and has a longer escape.
        const asJson = scalar.replace(/\\(?:U([0-9a-f]{8})|.)/g, (all, code) =>
          code ? String.fromCodePoint(Number.parseInt(code, 16)) : all,
        );
        expect(JSON.parse(asJson)).toBe(text);
        // JSON's two halves of one character are two characters to YAML's readers.
        expect(scalar.replace(/\\\\/g, '')).not.toMatch(/\\ud[89a-f]/);
      }),
      { numRuns: 500 },
    );
  });

  test('sh', () => {
    // A shell's word holds everything but NUL.
    const word = nastyText.map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(batch(word), (values) => {
        const script = values.map((value) => `printf '%s\\0' ${sh(value)}\n`).join('');
        const printed = runWith(['sh', '-eu'], script).split('\0');
        expect(printed).toEqual([...values, '']);
      }),
      { numRuns: 10 },
    );
  });

  test('md', () => {
    const escapes = /\\([!-/:-@[-`{-~])|&(amp|lt|gt);/g;
    const entities = { amp: '&', lt: '<', gt: '>' } as const;
    fc.assert(
      fc.property(nastyText, (text) => {
        const markdown = md(text);
        const shown = markdown.replace(
          escapes,
          (_, mark, entity: keyof typeof entities) => mark ?? entities[entity],
        );
        expect(shown).toBe(text.replace(/\s+/g, ' '));
        expect(markdown.replace(escapes, '')).not.toMatch(/[\\`*_{}[\]()<>&!|~\n\r\u2028\u2029]/);
      }),
      { numRuns: 1000 },
    );
  });
});
