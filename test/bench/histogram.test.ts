import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../src/bench/histogram.ts';

function fill(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('every quantile is within 1/256 of the exact one', () => {
  const value = fc.double({ min: 0.001, max: 3_600_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = fill(values);
      const sorted = [...values].sort((a, b) => a - b);
      for (const share of [0, 0.5, 0.9, 0.99, 0.999, 1]) {
        const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? Number.NaN;
        expect(Math.abs(histogram.quantile(share) / exact - 1)).toBeLessThanOrEqual(1 / 256);
      }
    }),
  );
});

test('count, greatest and mean are exact', () => {
  const histogram = fill([1, 2, 4.5]);
  histogram.record(10, 2);
  expect(histogram).toMatchObject({ count: 5, max: 10, mean: 5.5 });
});

test('without values everything is 0', () => {
  const histogram = new Histogram();
  expect([histogram.count, histogram.max, histogram.mean, histogram.quantile(0.5)]).toEqual([
    0, 0, 0, 0,
  ]);
});

test('what is too small or too large to tell apart is counted all the same', () => {
  const histogram = fill([0, 1e-9, 1e12]);
  expect(histogram.count).toBe(3);
  expect(histogram.quantile(0.5)).toBe(0);
  expect(histogram.max).toBe(1e12);
});

test('half of a thousand ones and a thousand nines are ones', () => {
  const histogram = fill([...Array(1000).fill(1), ...Array(1000).fill(9)]);
  expect(histogram.quantile(0.5)).toBeCloseTo(1, 1);
  expect(histogram.quantile(0.501)).toBeCloseTo(9, 1);
});
