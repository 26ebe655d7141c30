import { expect, test } from 'vitest';
import type { Report } from '../../src/bench/report.ts';
import { renderReport } from '../../src/bench/report-html.ts';
import { summarize } from '../../src/bench/summary.ts';
import { Tally } from '../../src/bench/tally.ts';

const WINDOW = { from: 0, to: 10_000 };
const exchange = { sentAt: 0, firstEventAt: 0, sawDone: false, failure: undefined };

function fill(count: number, failures = 0): Tally {
  const tally = new Tally(WINDOW);
  for (let n = 0; n < count; n++) {
    const startedAt = (10_000 * n) / count;
    tally.ended({ ...exchange, startedAt, sentAt: startedAt, endedAt: startedAt + 5 + (n % 50) });
  }
  for (let n = 0; n < failures; n++) {
    tally.ended({ ...exchange, startedAt: n, endedAt: n + 1, failure: 'status 503' });
  }
  return tally;
}

function render(tally: Tally, changes: Partial<Report> = {}): string {
  const summary = summarize(tally, { stream: changes.stream === true });
  const report = {
    target: 'http://127.0.0.1:8000/generate',
    stream: false,
    connections: 64,
    duration: 10,
    warmup: 1,
    warnings: [],
    ...summary,
    ...changes,
  };
  return renderReport(report, tally, 'Measured somewhere.');
}

test('a page that needs nothing but itself', () => {
  const page = render(fill(5000));
  expect(page).toMatch(/^<!doctype html>/);
  expect(page).toMatch(/<h1>127\.0\.0\.1:8000: \d+ requests\/s<\/h1>/);
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page).not.toMatch(/<script|<link|<img|url\(|@import|src=|href=/);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test('what a user typed cannot become markup', () => {
  const nasty = `http://x/"><script>alert('1')</script>&`;
  const page = render(fill(100), { target: nasty, warnings: ['<b>careful</b>'] });
  expect(page).not.toMatch(/<script|<b>/);
  expect(page).toContain('&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;');
});

test('errors have their table and their line', () => {
  const page = render(fill(1000, 30));
  expect(page).toContain('<tr><th scope="row">status 503</th><td>30</td></tr>');
  expect(page).toContain('>failed</text>');
});

test('streams have a line for each kind of time', () => {
  const page = render(fill(1000), { stream: true });
  for (const name of ['latency', 'first token', 'gap']) expect(page).toContain(`>${name}</text>`);
});

test.each([1, 2, 10, 100_000])('a run of %i answers has charts without holes', (count) => {
  const page = render(fill(count));
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});
