import { describe, expect, test } from 'vitest';
import { judgeRuntime } from '../../src/core/doctor-runtime.ts';
import { compareVersions } from '../../src/core/versions.ts';

test.each([
  ['20.17.0', '20.17', 0],
  ['v20.9.0', '20.17', -1],
  ['3.9', '3.11.7', -1],
  ['3.14.0rc2', '3.14', 0],
  ['22', '20.17.1', 1],
])('%s beside %s', (a, b, order) => {
  expect(Math.sign(compareVersions(a, b))).toBe(order);
});

describe('a runtime', () => {
  const judge = (version: string, range: string | undefined) =>
    judgeRuntime({ title: 'Node', version, range, site: 'https://nodejs.org' });

  test.each([
    ['20.20.2', '>=20.17', 'good'],
    ['20.20.2', undefined, 'good'],
    ['20.9.0', '>=20.17', 'bad'],
    // What a verdict on these would take is a parser of ranges: better none than a wrong one.
    ['20.20.2', '^20.17 || >=22', 'skipped'],
  ])('%s where %s is wanted is %s', (version, range, verdict) => {
    expect(judge(version, range).verdict).toBe(verdict);
  });

  test('that is too old comes with where to get another', () => {
    expect(judge('18.0.0', '>=20.17')).toEqual({
      verdict: 'bad',
      text: '18.0.0 is too old: 20.17 or newer is needed',
      mend: 'Install Node 20.17 or newer: https://nodejs.org',
    });
  });
});
