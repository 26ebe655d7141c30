import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Answers, slugify } from '../../src/core/answers.ts';
import { render } from '../../src/core/render.ts';
import { languageOf, PACKAGE_MANAGERS, STACKS, type StackName } from '../../src/core/stacks.ts';
import { readTemplate } from '../../src/effects/templates.ts';
import { acceptedModel, acceptedName, acceptedUrl, nastyText } from './arbitraries.ts';
import { findDifferences, type Pair } from './readers.ts';

/** Text that no template has in it by itself. */
const PLAIN = {
  name: 'plain-stand-in',
  model: 'plain-model',
  baseUrl: 'https://plain.example/v1',
} as const;

const answersFor = (stack: StackName): fc.Arbitrary<Answers> =>
  fc.record({
    name: acceptedName,
    stack: fc.constant(stack),
    addons: fc.constant([]),
    model: acceptedModel,
    baseUrl: acceptedUrl,
    packageManager: fc.constantFrom(...PACKAGE_MANAGERS[languageOf(stack)]),
  });

describe.each(STACKS.map(({ name }) => name))('%s', async (stack) => {
  const template = await readTemplate(stack);
  const batchOf = (answers: fc.Arbitrary<Answers>) =>
    fc.array(answers, { minLength: 1, maxLength: 20, size: 'max' });

  test('whatever was typed is read back out of every file, and never becomes code', async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(answersFor(stack)), async (all) => {
        expect(await findDifferences(all.flatMap(pairsOf))).toEqual([]);
      }),
      { numRuns: 3 },
    );
  });

  test('nor would what create refuses: the escapers do not lean on the checks before them', async () => {
    const hostile = fc
      .tuple(answersFor(stack), nastyText, nastyText, nastyText)
      .map(([answers, name, model, baseUrl]) => ({ ...answers, name, model, baseUrl }));
    await fc.assert(
      fc.asyncProperty(batchOf(hostile), async (all) => {
        // A .env has no way to quote that all its readers know: there the checks are the fence.
        const pairs = all.flatMap(pairsOf).filter(({ path }) => path !== '.env.example');
        expect(await findDifferences(pairs)).toEqual([]);
      }),
      { numRuns: 3 },
    );
  });

  test('the same files whatever was typed, each below the directory', () => {
    fc.assert(
      fc.property(answersFor(stack), (answers) => {
        const paths = [...render(answers, template, '1.2.3').keys()];
        expect(paths).toEqual([...render({ ...answers, ...PLAIN }, template, '1.2.3').keys()]);
        expect(
          paths.filter((path) => !/^(?!\/)(?!.*(^|\/)\.{0,2}(\/|$))[^\\:]+$/.test(path)),
        ).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  test('a name for npm and PyPI, which no dependency has', () => {
    fc.assert(
      fc.property(answersFor(stack), (answers) => {
        const { name, dependencies } = readPackage(answers);
        expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,212}[a-z0-9])?$/);
        expect(dependencies).not.toContain(name);
      }),
      { numRuns: 50 },
    );
  });

  /** The rendered files that what was typed made different. */
  function pairsOf(answers: Answers): readonly Pair[] {
    const actual = render(answers, template, '1.2.3');
    const plain = render({ ...answers, ...PLAIN }, template, '1.2.3');
    const typed = new Map<string, string>([
      [PLAIN.name, readPackage(answers).name],
      [PLAIN.model, answers.model],
      [PLAIN.baseUrl, answers.baseUrl],
    ]);
    return [...actual].flatMap(([path, { text }]) => {
      const stand = plain.get(path)?.text ?? '';
      return text === stand ? [] : [{ path, actual: text, plain: stand, typed }];
    });
  }

  function readPackage(answers: Answers): { name: string; dependencies: readonly string[] } {
    const text = render(answers, template, '1.2.3').get('package.json')?.text;
    if (text !== undefined) {
      const { name, dependencies, devDependencies } = JSON.parse(text);
      return { name, dependencies: Object.keys({ ...dependencies, ...devDependencies }) };
    }
    const { dependencies = [], devDependencies = [] } = template.manifest;
    const names = [...dependencies, ...devDependencies].map(
      (text) => /^[\w.-]+/.exec(text)?.[0] ?? '',
    );
    return { name: slugify(answers.name, names), dependencies: names };
  }
});
