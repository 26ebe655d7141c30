import { describe, expect, test } from 'vitest';
import {
  findWarnings,
  formatBytes,
  formatRate,
  formatTime,
  type Measured,
} from '../../src/bench/report.ts';
import { formatReport } from '../../src/bench/report-text.ts';

const TIMES = { p50: 12.34, p90: 20, p99: 123.4, p999: 1234.5, max: 23_456, mean: 14 };
const MEASURED: Measured = {
  target: 'http://127.0.0.1:8000/generate',
  stream: false,
  connections: 64,
  duration: 10,
  warmup: 1,
  requests: 12_345,
  requestsPerSecond: 1234.5,
  byThird: [1200, 1250, 1240],
  latency: TIMES,
  failed: 0,
  errors: [],
  bytesReceived: 23_456_789,
  generatorBusy: 0.2,
};

function warn(changes: Partial<Measured>): string {
  return findWarnings({ ...MEASURED, ...changes }).join('\n');
}

describe('warnings', () => {
  test('there are none where nothing is to be known', () => {
    expect(warn({})).toBe('');
    expect(warn({ ceiling: { requestsPerSecond: 2000 }, rate: 1235, unsent: 0 })).toBe('');
  });

  test('within 10 % of what the mock alone can do', () => {
    expect(warn({ ceiling: { requestsPerSecond: 1371 } })).toMatch(/^The mock alone gives 1,371/);
    expect(warn({ ceiling: { requestsPerSecond: 1372 } })).toBe('');
    expect(warn({ ceiling: { requestsPerSecond: 0 } })).toBe('');
  });

  test('a rate that changed meanwhile', () => {
    expect(warn({ byThird: [700, 2000, 3000] })).toContain('went from 700 to 3,000 a second');
    expect(warn({ byThird: [3000, 2000, 700] })).toContain('went from 3,000 to 700 a second');
    expect(warn({ byThird: [700, 2000, 3000], requests: 200 })).toBe('');
  });

  test('a load that could not do more', () => {
    expect(warn({ generatorBusy: 0.96 })).toContain('The load took all of its processor');
  });

  test('a rate that the server did not keep up with', () => {
    const latency = { ...TIMES, max: 900 };
    expect(warn({ rate: 2000, latency })).toContain('did not keep up with 2,000 a second');
    expect(warn({ rate: 2000, unsent: 1500 })).toContain('1,500 requests were to begin');
  });

  test('not a server that is only slow, or answers with errors', () => {
    const slow = { rate: 1500, latency: { ...TIMES, max: 1900 } };
    expect(warn(slow)).toContain('Answers took up to 1,900 ms, longer than the warm-up');
    expect(warn(slow)).toContain('--warmup 3');
    expect(warn({ rate: 1500, failed: 3000 })).toBe('');
    expect(warn({ rate: 1, duration: 2.5, requests: 2 })).toBe('');
  });

  test('a server that is gone', () => {
    const gone = { byThird: [900, 100, 0], failed: 36 };
    expect(warn(gone)).toBe('The server stopped answering on the way: look at its log.');
  });

  test('a machine that can open no more', () => {
    const errors = [{ kind: 'connect EMFILE', count: 9 }] as const;
    expect(warn({ failed: 9, errors })).toContain('on this machine, not for the server');
    const refused = [{ kind: 'connect ECONNREFUSED', count: 9 }] as const;
    expect(warn({ failed: 9, errors: refused })).toBe('');
  });

  test('streams that end without an end', () => {
    expect(warn({ stream: true, withoutDone: 3 })).toContain('3 streams ended without [DONE]');
  });
});

test('a plain measurement', () => {
  expect(`\n${formatReport({ ...MEASURED, warnings: [] })}\n`).toBe(`
http://127.0.0.1:8000/generate
plain answers, 64 at once, for 10 s after 1 s of warm-up

requests/s    1,235   12,345 answered
received/s   2.3 MB

              p50       p90      p99      p99.9      max
latency   12.3 ms   20.0 ms   123 ms   1,235 ms   23.5 s

no errors
`);
});

test('a stream at a rate, of a project, with errors and a warning', () => {
  const text = formatReport({
    ...MEASURED,
    stream: true,
    rate: 100,
    connections: 1024,
    delay: { ...TIMES, max: 9 },
    firstToken: { ...TIMES, p50: 1.234 },
    gap: { ...TIMES, p50: 0 },
    events: 100,
    eventsPerSecond: 10,
    failed: 12,
    errors: [
      { kind: 'status 503', count: 10 },
      { kind: 'reset', count: 2 },
    ],
    server: { title: 'FastAPI', processes: 2 },
    upstream: { ttft: 200, tps: 50, tokens: 500 },
    ceiling: { requestsPerSecond: 20_000 },
    warnings: ['Careful.'],
  });
  expect(`\n${text}\n`).toBe(`
FastAPI, as in production, 2 processes
streams, 100 begun a second, at most 1,024 at once, for 10 s after 1 s of warm-up
upstream: the mock, answers of 500 tokens, first token after 200 ms, 50 tokens a second

requests/s        1,235   12,345 answered
events/s             10
received/s       2.3 MB
the mock alone   20,000   requests/s, as fast as it goes

                          p50       p90      p99      p99.9       max
latency               12.3 ms   20.0 ms   123 ms   1,235 ms    23.5 s
of it, not yet sent   12.3 ms   20.0 ms   123 ms   1,235 ms   9.00 ms
first token           1.23 ms   20.0 ms   123 ms   1,235 ms    23.5 s
gap between tokens    0.00 ms   20.0 ms   123 ms   1,235 ms    23.5 s

12 errors (0.10 %)
  status 503   10
  reset         2

Note: Careful.
`);
});

test('numbers are as long as one reads them', () => {
  expect([0.123, 1.5, 15.55, 1234.5].map(formatRate)).toEqual(['0.12', '1.5', '15.6', '1,235']);
  expect([0, 9.994, 99.94, 999, 9999, 10_000].map(formatTime)).toEqual([
    '0.00 ms',
    '9.99 ms',
    '99.9 ms',
    '999 ms',
    '9,999 ms',
    '10.0 s',
  ]);
  expect([0, 999, 1000, 2.5e6, 3e12].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '2.5 MB',
    '3000.0 GB',
  ]);
});
