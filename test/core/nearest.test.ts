import { describe, expect, test } from 'vitest';
import { nearest } from '../../src/core/nearest.ts';
import { LANGUAGES, LAYOUTS, PACKAGE_MANAGERS, STACKS } from '../../src/core/stacks.ts';

const COMMANDS =
  'create dev start mock generate bench doctor add remove upgrade templates completion help';
const FLAGS =
  '--template --language --with --model --base-url --package-manager --install --no-install --git ' +
  '--no-git --overwrite --yes --dry-run --json --run --key-stdin --no-key --help --version';

const VOCABULARIES = {
  commands: COMMANDS.split(' '),
  flags: FLAGS.split(' '),
  templates: [...LAYOUTS, ...STACKS.map(({ name }) => name)],
  languages: LANGUAGES,
} satisfies Readonly<Record<string, readonly string[]>>;

/** What fingers do: leave out a letter, type it twice, hit another one, swap two, hold Shift. */
function typosOf(word: string): string[] {
  const typos = [word.toUpperCase()];
  for (let i = word.startsWith('--') ? 2 : 0; i < word.length; i++) {
    const [before, at, after] = [word.slice(0, i), word[i] ?? '', word.slice(i + 1)];
    typos.push(before + after, before + at + at + after, `${before}#${after}`);
    if (after) typos.push(before + after[0] + at + after.slice(1));
  }
  return typos.filter((typo) => typo !== word);
}

describe.each(Object.entries(VOCABULARIES))('%s', (_name, known) => {
  test.each(known.map((word) => [word]))('every typo of %s', (word) => {
    // A typo that is another known word is none.
    const typos = typosOf(word).filter((typo) => !(known as readonly string[]).includes(typo));
    const wrong = typos.filter((typo) => nearest(typo, known) !== word);
    expect(wrong).toEqual([]);
  });
});

const MANAGERS = [...PACKAGE_MANAGERS.python, ...PACKAGE_MANAGERS.typescript];

// Three letters with two in common: not every typo of one is not a typo of another.
test.each([
  ['uvv', 'uv'],
  ['UV', 'uv'],
  ['pipp', 'pip'],
  ['pyp', 'pip'],
  ['nmp', 'npm'],
  ['npmm', 'npm'],
  ['pnpn', 'pnpm'],
  ['PNPM', 'pnpm'],
  ['ppnpm', 'pnpm'],
  ['yran', 'yarn'],
  ['bunn', 'bun'],
])('package managers: %s is %s', (typed, manager) => {
  expect(nearest(typed, MANAGERS)).toBe(manager);
});

test.each([
  ['fast', ['fastapi', 'fastify'], 'fastapi'],
  ['typescri', LANGUAGES, 'typescript'],
  ['temp', VOCABULARIES.commands, 'templates'],
  ['--templ', VOCABULARIES.flags, '--template'],
])('the start of a word: %s', (typed, known, expected) => {
  expect(nearest(typed, known)).toBe(expected);
});

test.each([
  ['django', VOCABULARIES.templates],
  ['rust', LANGUAGES],
  ['deploy', VOCABULARIES.commands],
  ['cargo', MANAGERS],
  ['--verbose', VOCABULARIES.flags],
  ['fastapi', []],
])('nothing is near %s', (typed, known) => {
  expect(nearest(typed, known)).toBeUndefined();
});
