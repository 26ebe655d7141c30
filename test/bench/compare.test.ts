import { expect, test } from 'vitest';
import { type Comparison, conclude } from '../../src/bench/compare.ts';
import { renderComparison } from '../../src/bench/compare-html.ts';
import { formatComparison } from '../../src/bench/compare-text.ts';

const PYTHON = { language: 'python' } as const;
const NODE = { language: 'typescript' } as const;
const FASTAPI = { name: 'fastapi', title: 'FastAPI', layout: 'async', ...PYTHON } as const;
const FLASK = { name: 'flask', title: 'Flask', layout: 'simple', ...PYTHON } as const;
const FASTIFY = { name: 'fastify', title: 'Fastify', layout: 'async', ...NODE } as const;
const EXPRESS = { name: 'express', title: 'Express', layout: 'simple', ...NODE } as const;
const COUNTS = [1, 16, 256];

/** Requests a second of each stack, for each number under way; by what the upstream takes. */
type Rates = Readonly<Record<number, Readonly<Record<string, readonly number[]>>>>;

function compare(stacks: Comparison['stacks'], rates: Rates): Comparison {
  const upstreams = Object.keys(rates).map(Number);
  return {
    stream: false,
    duration: 5,
    stacks,
    upstreams,
    tokensPerSecond: 0,
    connections: COUNTS,
    cells: upstreams.flatMap((upstream) =>
      stacks.flatMap(({ name }) =>
        COUNTS.map((connections, nth) => ({
          stack: name,
          upstream,
          connections,
          requestsPerSecond: rates[upstream]?.[name]?.[nth] ?? 0,
          p50: 10,
          p99: 20,
          failed: 0,
        })),
      ),
    ),
    mockAlone: upstreams.flatMap((upstream) =>
      COUNTS.map((connections) => ({ upstream, connections, requestsPerSecond: 1000 })),
    ),
  };
}

const TYPICAL = compare([FLASK, FASTAPI], {
  0: { fastapi: [500, 900, 1000], flask: [250, 450, 500] },
  1000: { fastapi: [1, 16, 250], flask: [1, 15.9, 32] },
});

test('says up to where the simple layout will do, from the slowest upstream', () => {
  expect(conclude(TYPICAL)).toEqual([
    'Where the upstream answers immediately, FastAPI answers 2.0 times as many with 256 at once ' +
      '(1,000 against 500 a second).',
    'Where the upstream answers after 1 s, Flask keeps up with FastAPI up to 16 at once; FastAPI ' +
      'answers 7.8 times as many with 256 at once (250 against 32 a second).',
    'So the simple layout will do while no more than 16 requests are under way at once; for more, ' +
      'and for streams, keys, limits and a drain, take the async one.',
  ]);
});

test('says where the layout makes no difference to speed', () => {
  const rates = { 200: { fastapi: [5, 80, 900], flask: [5, 79, 880] } };
  expect(conclude(compare([FASTAPI, FLASK], rates))).toEqual([
    'Where the upstream answers after 200 ms, Flask keeps up with FastAPI at every load.',
    'So between these the layout is no question of speed: Flask is read in a minute, the async ' +
      'layout has streams, keys, limits and a drain.',
  ]);
});

test('names the load at which the other does worst', () => {
  const rates = { 0: { fastapi: [100, 900, 300], fastify: [100, 300, 400] } };
  expect(conclude(compare([FASTAPI, FASTIFY], rates))).toEqual([
    'Where the upstream answers immediately, Fastify keeps up with FastAPI up to 1 at once; ' +
      'FastAPI answers 3.0 times as many with 16 at once (900 against 300 a second).',
  ]);
});

test('gives no advice on layouts between two of the same', () => {
  const rates = { 0: { fastapi: [100, 200, 300], fastify: [200, 400, 900] } };
  expect(conclude(compare([FASTAPI, FASTIFY], rates))).toEqual([
    'Where the upstream answers immediately, Fastify answers 3.0 times as many with 256 at once ' +
      '(900 against 300 a second).',
  ]);
});

test('compares a simple stack with the async one of its language', () => {
  const rates = {
    0: {
      fastapi: [100, 200, 300],
      flask: [90, 100, 100],
      fastify: [500, 900, 900],
      express: [200, 250, 250],
    },
  };
  const said = conclude(compare([FASTAPI, FLASK, FASTIFY, EXPRESS], rates)).join('\n');
  expect(said).toContain('Flask keeps up with FastAPI up to 1 at once');
  expect(said).toContain('Fastify answers 3.0 times as many');
  expect(said).toContain('Fastify answers 3.6 times as many with 256 at once (900 against 250');
  const alone = conclude(compare([FASTAPI, EXPRESS], rates)).join('\n');
  expect(alone).toContain('Express keeps up with FastAPI up to 16 at once');
});

test('bears a stack that answers nothing', () => {
  const rates = { 0: { fastapi: [100, 200, 300], flask: [0, 0, 0] } };
  expect(conclude(compare([FASTAPI, FLASK], rates))).toEqual([
    'Where the upstream answers immediately, FastAPI answers, and the other does not, with 256 at ' +
      'once (300 against 0 a second).',
    'So for many requests it takes the async layout.',
  ]);
});

test('the tables', () => {
  expect(formatComparison(TYPICAL)).toContain(`
The upstream answers after 1 s: answers a second, and how long 99 of 100 take

  at once   Flask       p99   FastAPI       p99   mock alone
        1       1   20.0 ms         1   20.0 ms        1,000
       16    15.9   20.0 ms        16   20.0 ms        1,000
      256      32   20.0 ms       250   20.0 ms        1,000
`);
});

test('a paced upstream begins, where others answer', () => {
  const paced = { ...TYPICAL, tokensPerSecond: 50 };
  expect(formatComparison(paced)).toContain(
    'The upstream begins immediately, with 50 tokens a second',
  );
  expect(conclude(paced)[1]).toMatch(
    /^Where the upstream begins after 1 s, with 50 tokens a second, F/,
  );
});

test('errors have a column beside the stack that has any', () => {
  const none = { requestsPerSecond: 0, p99: 0, failed: 7 };
  const cells = TYPICAL.cells.map((cell, nth) => (nth === 0 ? { ...cell, ...none } : cell));
  expect(formatComparison({ ...TYPICAL, cells })).toContain(`
  at once   Flask       p99   errors   FastAPI       p99   mock alone
        1       0         –        7       500   20.0 ms        1,000
       16     450   20.0 ms        0       900   20.0 ms        1,000
`);
});

test('the page has a chart and a table for each upstream', () => {
  const page = renderComparison(TYPICAL, 'Measured <somewhere>.');
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page.match(/<table/g)).toHaveLength(2);
  expect(page).toContain('Measured &lt;somewhere&gt;.');
  expect(page).toContain('<li class="main">So the simple layout will do');
  expect(page).not.toMatch(/NaN|undefined|Infinity|<script|src=|href=/);
});
