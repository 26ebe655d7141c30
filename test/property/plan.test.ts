import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeFile } from '../../src/core/merge.ts';
import { plan } from '../../src/core/plan.ts';
import { EMPTY_TREE, type FileTree } from '../../src/core/tree.ts';
import { applyPlan, texts, tree } from '../core/trees.ts';

// Few lines, paths and keys, so that the sides meet often.
const line = fc.constantFrom(
  'a',
  'b',
  'c',
  '',
  '__proto__',
  'constructor',
  '<<<<<<< yours',
  '=======',
);
const text = fc
  .tuple(fc.array(line, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'))
  .map(([lines, end]) => lines.join(end));

const key = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor', '1');
const { value } = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, 1, 2, 'x', 'y'),
    fc.array(fc.constantFrom(1, 2, 3), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
}));
const packageJson = fc
  .tuple(fc.dictionary(key, value, { maxKeys: 4 }), fc.constantFrom(0, 2, '\t'))
  .map(([content, indent]) => JSON.stringify(content, null, indent));

const mode = fc.constantFrom(0o644, 0o755);
const files = fc
  .record(
    {
      'a.txt': fc.record({ text, mode }),
      'b/c.txt': fc.record({ text, mode }),
      'b/d.txt': fc.record({ text, mode }),
      'package.json': fc.record({ text: fc.oneof(packageJson, text), mode }),
    },
    { requiredKeys: [] },
  )
  .map((entries): FileTree => tree(entries as Parameters<typeof tree>[0]));

const RUNS = { numRuns: 500 };

describe('plan', () => {
  test('what is as it should be needs nothing', () => {
    fc.assert(
      fc.property(files, (x) => {
        expect(plan(x, x, x)).toEqual([]);
      }),
      RUNS,
    );
  });

  test('an untouched project becomes the target', () => {
    fc.assert(
      fc.property(files, files, (base, target) => {
        const after = applyPlan(base, plan(base, base, target));
        // Line ends alone are no difference, and no reason to write a file.
        const lines = (side: FileTree) =>
          [...side].map(([path, file]) => [path, file.text.replaceAll('\r\n', '\n'), file.mode]);
        expect(lines(after)).toEqual(lines(target));
      }),
      RUNS,
    );
  });

  test('from nothing, exactly the target is created', () => {
    fc.assert(
      fc.property(files, (target) => {
        const ops = plan(EMPTY_TREE, EMPTY_TREE, target);
        expect(applyPlan(EMPTY_TREE, ops)).toEqual(target);
        expect(ops.filter(({ kind }) => kind !== 'create')).toEqual([]);
      }),
      RUNS,
    );
  });

  test('any three sides: one operation a path, in order, and nothing to write a second time', () => {
    fc.assert(
      fc.property(files, files, files, (base, disk, target) => {
        const ops = plan(base, disk, target);
        const paths = ops.map(({ path }) => path);
        expect(paths).toEqual([...new Set(paths)].sort());
        const after = applyPlan(disk, ops);
        const again = plan(target, after, target);
        expect(again.filter(({ kind }) => kind !== 'skip')).toEqual([]);
      }),
      RUNS,
    );
  });

  test('files of the user that we know nothing of are left alone', () => {
    fc.assert(
      fc.property(files, files, (disk, target) => {
        const known = plan(EMPTY_TREE, disk, target).map(({ path }) => path);
        expect(known.filter((path) => !target.has(path))).toEqual([]);
      }),
      RUNS,
    );
  });

  test('what only the user changed is never written', () => {
    fc.assert(
      fc.property(files, files, (base, disk) => {
        const after = applyPlan(disk, plan(base, disk, base));
        for (const path of disk.keys()) {
          if (base.has(path)) expect(texts(after)[path]).toBe(texts(disk)[path]);
        }
      }),
      RUNS,
    );
  });
});

describe('package.json', () => {
  /** The file as it is once all conflicts are resolved for one side. */
  const resolve = (merged: string, side: 'yours' | 'ours'): unknown => {
    const block = /^<<<<<<< yours\n((?:.*\n)*?)=======\n((?:.*\n)*?)>>>>>>> create-llm-api\n/gm;
    return JSON.parse(merged.replace(block, (_, yours, ours) => (side === 'yours' ? yours : ours)));
  };

  test('whatever the sides are, each resolution of the conflicts is JSON', () => {
    fc.assert(
      fc.property(packageJson, packageJson, packageJson, (yours, base, ours) => {
        const { text, conflict } = mergeFile('package.json', yours, base, ours);
        const [mine, theirs] = [resolve(text, 'yours'), resolve(text, 'ours')];
        if (conflict) expect(mine).not.toEqual(theirs);
        else expect(text).not.toContain('<<<<<<<');
      }),
      RUNS,
    );
  });

  test('a change on one side only is that side', () => {
    fc.assert(
      fc.property(packageJson, packageJson, (base, side) => {
        const parsed = JSON.parse(side);
        expect(JSON.parse(mergeFile('package.json', side, base, base).text)).toEqual(parsed);
        expect(JSON.parse(mergeFile('package.json', base, base, side).text)).toEqual(parsed);
        expect(JSON.parse(mergeFile('package.json', side, base, side).text)).toEqual(parsed);
      }),
      RUNS,
    );
  });

  test('every key of the result comes from a side that has it', () => {
    fc.assert(
      fc.property(packageJson, packageJson, packageJson, (yours, base, ours) => {
        const { text, conflict } = mergeFile('package.json', yours, base, ours);
        fc.pre(!conflict);
        const known = new Set([yours, ours].flatMap((side) => Object.keys(JSON.parse(side))));
        expect(Object.keys(JSON.parse(text)).filter((name) => !known.has(name))).toEqual([]);
      }),
      RUNS,
    );
  });
});
