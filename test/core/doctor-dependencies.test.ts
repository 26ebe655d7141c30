import { describe, expect, test } from 'vitest';
import { comparePackages, judgeComparison } from '../../src/core/doctor-dependencies.ts';
import { isExact, listDirect, listLocked, listUnlocked } from '../../src/core/npm-lock.ts';

const pack = (name: string, version: string, dev = false) => ({ name, version, dev });

function judge(installed: Readonly<Record<string, string>>) {
  const locked = [pack('zod', '4.6.7'), pack('a', '1.0.0', true), pack('b', '2.0.0', true)];
  return judgeComparison(
    comparePackages('the lock', locked, (name) => installed[name]),
    'npm ci',
  );
}

describe('what is installed beside the lock', () => {
  test('all of it', () => {
    expect(judge({ zod: '4.6.7', a: '1.0.0', b: '2.0.0', more: '1.0.0' })).toEqual({
      verdict: 'good',
      text: '3 packages as in the lock',
    });
  });

  test('another version', () => {
    expect(judge({ zod: '4.6.6', a: '1.0.0', b: '2.0.0' })).toEqual({
      verdict: 'bad',
      text: '1 of 3 packages not as in the lock',
      details: ['zod is 4.6.6, locked is 4.6.7'],
      mend: 'npm ci',
    });
  });

  test('without all that only tests need, as production installs it', () => {
    expect(judge({ zod: '4.6.7' })).toEqual({
      verdict: 'good',
      text: '1 package as in the lock, without those for tests and lint',
    });
  });

  test('without some of them', () => {
    expect(judge({ zod: '4.6.7', a: '1.0.0' })).toMatchObject({
      verdict: 'bad',
      details: ['b is not installed'],
    });
  });

  test('without nearly all: the first few are named, and the rest counted', () => {
    const locked = Array.from({ length: 8 }, (_, index) => pack(`p${index}`, '1.0.0'));
    const { details } = judgeComparison(
      comparePackages('the lock', locked, () => undefined),
      'npm ci',
    );
    expect(details).toHaveLength(6);
    expect(details?.at(-1)).toBe('and 3 more');
  });
});

describe("npm's lock", () => {
  const lock = {
    packages: {
      '': { dependencies: { zod: '4.6.7' }, devDependencies: { vitest: '4.1.12' } },
      'node_modules/zod': { version: '4.6.7' },
      'node_modules/vitest': { version: '4.1.12', dev: true },
      'node_modules/vitest/node_modules/ms': { version: '2.1.3', dev: true },
      'node_modules/fsevents': { version: '2.3.3', optional: true },
      'node_modules/mine': { link: true },
      'packages/mine': { version: '1.0.0' },
    },
  };

  test('says what has to be there on every system', () => {
    expect(listLocked(lock)).toEqual([
      pack('zod', '4.6.7'),
      pack('vitest', '4.1.12', true),
      pack('vitest/node_modules/ms', '2.1.3', true),
    ]);
  });

  test('and the manifest have to ask for the same', () => {
    const same = { dependencies: { zod: '4.6.7' }, devDependencies: { vitest: '4.1.12' } };
    expect(listUnlocked(same, lock)).toEqual([]);
    expect(listUnlocked({ dependencies: { zod: '4.6.8', hono: '4.0.0' } }, lock)).toEqual([
      'zod',
      'hono',
      'vitest',
    ]);
  });
});

test('only one exact version can be compared without a lock', () => {
  expect(listDirect({ dependencies: { zod: '4.6.7' }, devDependencies: { a: '^1' } })).toEqual([
    pack('zod', '4.6.7'),
    pack('a', '^1', true),
  ]);
  expect(['4.6.7', '1.0.0-rc.1', '5.0.0+build'].filter(isExact)).toHaveLength(3);
  expect(['^4.6.7', '4.6', 'latest', 'file:x', '1.0.0 || 2.0.0', '*'].filter(isExact)).toEqual([]);
});
