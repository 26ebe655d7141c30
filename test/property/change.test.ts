import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AddonName, AddonTemplate } from '../../src/core/addons.ts';
import type { Answers } from '../../src/core/answers.ts';
import { composeAddons } from '../../src/core/compose-addons.ts';
import { mergeFile } from '../../src/core/merge.ts';
import { plan } from '../../src/core/plan.ts';
import { render } from '../../src/core/render.ts';
import { languageOf, PACKAGE_MANAGERS, STACKS, type StackName } from '../../src/core/stacks.ts';
import { EMPTY_TREE, type FileTree } from '../../src/core/tree.ts';
import { readTemplate } from '../../src/effects/templates.ts';
import { applyPlan, texts, tree } from '../core/trees.ts';
import { type Edit, edit, editText, editTree } from './edits.ts';

/** Two add-ons that touch all that an add-on can touch, at the same places. */
function inventAddon(name: AddonName, stack: StackName): AddonTemplate {
  const word = name.replace('-', '');
  const [dependencies, devDependencies] =
    languageOf(stack) === 'python'
      ? [[`${word}-a==1.0`, `zz${word}==1.0`], [`${word}-dev==1.0`]]
      : [[`${word}-a@1.0.0`, `@zz/${word}@1.0.0`], [`${word}-dev@1.0.0`]];
  return {
    name,
    manifest: {
      title: word,
      summary: '',
      layouts: ['async', 'simple'],
      requires: [],
      excludes: [],
      env: [{ name: `${word.toUpperCase()}_URL`, value: 'x', comment: `Where ${word} is.` }],
      wiring: { [stack]: { module: `app.${word}`, name: `install_${word}` } },
      packages: { [stack]: { dependencies, devDependencies, scripts: { [word]: word } } },
    },
    folders: new Map([
      [
        'all',
        tree({ [`${word}/file.txt`]: `${word}\n`, 'section.md': `## ${word}\n\nIt is on.\n` }),
      ],
      ['with-docker', name === 'docker' ? EMPTY_TREE : tree({ 'both.txt': 'both\n' })],
    ]),
  };
}

/** What people add to the structured files, at the places where we add as well. */
const userAdditions = (files: FileTree): FileTree => {
  const changed = new Map(files);
  const change = (path: string, act: (text: string) => string): void => {
    const file = changed.get(path);
    if (file) changed.set(path, { ...file, text: act(file.text) });
  };
  change('.env.example', (text) => `${text}\n# Mine.\nMINE=1\n`);
  change('.gitignore', (text) => `${text}mine/\n`);
  change('pyproject.toml', (text) =>
    text.replace(/(dependencies = \[\n)/, '$1    "mine==1", # why\n'),
  );
  change('package.json', (text) => {
    const { scripts, ...rest } = JSON.parse(text);
    return JSON.stringify({ mine: [1, 2], scripts: { mine: 'x', ...scripts }, ...rest }, null, 4);
  });
  return changed;
};

interface Change {
  readonly edits: readonly Edit[];
  readonly additions: boolean;
  readonly windows: boolean;
}

const change: fc.Arbitrary<Change> = fc.record({
  edits: fc.array(edit, { maxLength: 12 }),
  additions: fc.boolean(),
  windows: fc.boolean(),
});

function makeYours(files: FileTree, { edits, additions, windows }: Change): FileTree {
  const edited = editTree(additions ? userAdditions(files) : files, edits, 'mine');
  if (!windows) return edited;
  const ends = (text: string): string => text.replaceAll('\n', '\r\n');
  return new Map([...edited].map(([path, file]) => [path, { ...file, text: ends(file.text) }]));
}

describe.each(STACKS.map(({ name }) => name))('%s', async (stack) => {
  const template = await readTemplate(stack);
  const [packageManager = 'npm'] = PACKAGE_MANAGERS[languageOf(stack)];
  const [a, b] = (['docker', 'github-actions'] as const).map((name) => inventAddon(name, stack));
  if (!a || !b) throw new Error('two add-ons');

  function renderWith(...addons: readonly AddonTemplate[]): FileTree {
    const answers: Answers = {
      name: 'app',
      stack,
      addons: addons.map(({ name }) => name),
      model: 'gpt-4o',
      baseUrl: 'https://api.openai.com/v1',
      packageManager,
    };
    return render(answers, composeAddons(template, addons, answers), '1.2.3');
  }
  const [none, withA, withB, withBoth] = [[], [a], [b], [a, b]].map((list) => renderWith(...list));
  if (!none || !withA || !withB || !withBoth) throw new Error('four renders');

  /** The disk after the step; undefined where it has a conflict. */
  function step(disk: FileTree, base: FileTree, target: FileTree): FileTree {
    const ops = plan(base, disk, target);
    fc.pre(!ops.some(({ kind }) => kind === 'conflict'));
    return applyPlan(disk, ops);
  }

  test('add, then remove, gives your project back byte for byte', () => {
    fc.assert(
      fc.property(change, (made) => {
        const yours = makeYours(none, made);
        const there = step(yours, none, withBoth);
        expect(texts(step(there, withBoth, none))).toEqual(texts(yours));
      }),
      { numRuns: 100 },
    );
  });

  test('the order of two adds does not matter', () => {
    fc.assert(
      fc.property(change, (made) => {
        const yours = makeYours(none, made);
        const aFirst = step(step(yours, none, withA), withA, withBoth);
        const bFirst = step(step(yours, none, withB), withB, withBoth);
        expect(texts(aFirst)).toEqual(texts(bFirst));
        expect(texts(step(yours, none, withBoth))).toEqual(texts(aFirst));
      }),
      { numRuns: 100 },
    );
  });

  test('upgrade keeps every line of yours, conflicts or not, and has nothing to do twice', () => {
    fc.assert(
      fc.property(change, fc.array(edit, { maxLength: 12 }), (made, older) => {
        const base = editTree(none, older, 'older');
        const yours = makeYours(base, made);
        const after = applyPlan(yours, plan(base, yours, none));
        for (const [path, { text }] of yours) {
          const kept = new Set(after.get(path)?.text.split(/\r?\n/));
          const lost = text
            .split(/\r?\n/)
            .filter((line) => line.startsWith('mine') && !kept.has(line));
          expect(lost, path).toEqual([]);
        }
        expect(plan(none, after, none)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('beside git merge-file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'create-llm-api-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function gitMerge(sides: readonly string[], ...flags: readonly string[]) {
    const files = ['yours', 'base', 'ours'].map((name) => join(folder, name));
    for (const [index, file] of files.entries()) writeFileSync(file, sides[index] ?? '');
    const { status, stdout } = spawnSync('git', ['merge-file', '-p', ...flags, ...files], {
      encoding: 'utf8',
    });
    if (status === null || status > 127) throw new Error('git merge-file failed');
    return { text: stdout, conflict: status > 0 };
  }

  test('the same text, and conflicts where it has them', () => {
    // No line is there twice: where one is, there are several shortest differences to choose from.
    const lines = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 30,
    });
    const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
      edit.filter(({ kind }) => kind !== 'repeat'),
      { maxLength: 5 },
    );
    let conflicts = 0;
    fc.assert(
      fc.property(lines, edits, edits, (unique, mine, theirs) => {
        const base = `${unique.join('\n')}\n`;
        const [yours, ours] = [editText(base, mine, 'mine'), editText(base, theirs, 'ours')];
        const merged = mergeFile('file', yours, base, ours);
        const git = gitMerge([yours, base, ours]);
        expect(merged.conflict).toBe(git.conflict);
        if (!merged.conflict) expect(merged.text).toBe(git.text);
        else conflicts++;
        for (const [side, flag] of [
          ['$1', '--ours'],
          ['$2', '--theirs'],
        ] as const) {
          const block = /^<{7} yours\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} create-llm-api\n/gm;
          const resolved = merged.text.replace(block, side);
          expect(resolved).toBe(gitMerge([yours, base, ours], flag).text);
        }
      }),
      { numRuns: 100 },
    );
    expect(conflicts).toBeGreaterThan(5);
  });

  test('files as they are, with lines that repeat: what both merge they merge alike', async () => {
    const templates = await Promise.all(STACKS.map(({ name }) => readTemplate(name)));
    // What is merged by key or by item has rules of its own.
    const files = templates
      .flatMap((template) => [...template.files])
      .filter(([path]) => !/json$|toml|txt$|ignore$/.test(path));
    const edits = fc.array(edit, { maxLength: 4 });
    let compared = 0;
    fc.assert(
      fc.property(fc.constantFrom(...files), edits, edits, ([, { text }], mine, theirs) => {
        const sides = [editText(text, mine, 'mine'), text, editText(text, theirs, 'ours')] as const;
        const merged = mergeFile('file', ...sides);
        const git = gitMerge(sides);
        // Which of two equal lines was added can be told in two ways, of which one may collide.
        if (merged.conflict || git.conflict) return;
        compared++;
        expect(merged.text).toBe(git.text);
      }),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(20);
  });
});
