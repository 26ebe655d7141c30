import { describe, expect, test } from 'vitest';
import { linearAxis, logAxis, ninesAxis, stepAxis, timeAxis } from '../../src/bench/axis.ts';

function labels(axis: { ticks: readonly { label: string }[] }): readonly string[] {
  return axis.ticks.map(({ label }) => label);
}

describe('a linear axis', () => {
  test.each([
    [0, ['0', '0.25']],
    [1, ['0', '0.25', '0.5', '0.75', '1']],
    [7, ['0', '2', '4', '6', '8']],
    [1234, ['0', '500', '1000', '1500']],
  ])('up to %s has round steps', (greatest, expected) => {
    const axis = linearAxis('', greatest, String);
    expect(labels(axis).slice(0, expected.length)).toEqual(expected);
    expect(axis.place(0)).toBe(0);
    expect(axis.place(greatest)).toBeLessThanOrEqual(1);
  });
});

test('an axis of time ends where the time does', () => {
  const axis = timeAxis('seconds', 5, String);
  expect(labels(axis)).toEqual(['0', '1', '2', '3', '4', '5']);
  expect(axis.place(5)).toBe(1);
});

test('a logarithmic axis has powers of ten around its values, and no more than four', () => {
  const axis = logAxis('', [12, 340], String);
  expect(labels(axis)).toEqual(['10', '100', '1000']);
  expect(axis.place(100)).toBeCloseTo(0.5);
  const wide = logAxis('', [0.001, 12_345], String);
  expect(labels(wide)).toEqual(['10', '100', '1000', '10000', '100000']);
  expect([wide.place(0), wide.place(0.001)]).toEqual([0, 0]);
});

test('each nine takes as much room, and there are no more than there are values for', () => {
  expect(labels(ninesAxis('', 5))).toEqual(['fastest', 'p50', 'p90']);
  expect(labels(ninesAxis('', 50_000))).toEqual([
    ...['fastest', 'p50', 'p90', 'p99', 'p99.9', 'p99.99'],
  ]);
  const { place } = ninesAxis('', 1000);
  expect([0, 0.9, 0.99, 0.999, 1].map(place)).toEqual([
    0,
    expect.closeTo(1 / 3),
    expect.closeTo(2 / 3),
    expect.closeTo(1),
    1,
  ]);
});

test('steps are equally far from each other', () => {
  const { place } = stepAxis('', [1, 16, 256], String);
  expect(place(16) - place(1)).toBeCloseTo(place(256) - place(16));
  expect(stepAxis('', [64], String).place(64)).toBe(0.5);
});
