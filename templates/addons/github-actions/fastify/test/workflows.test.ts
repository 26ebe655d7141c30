import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** What the workflows may do, and that they do what a developer does. */
const folder = new URL('../.github/workflows/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder), 'utf8');

test.each(readdirSync(folder))('%s may only read, and uses what is pinned', (name) => {
  const text = read(name);
  expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
  const actions = [...text.matchAll(/uses: (.*)/g)].map(([, action]) => action);
  expect(actions.filter((action) => !/^\S+@[0-9a-f]{40} # v[\d.]+$/.test(`${action}`))).toEqual([]);
});

test('they run the scripts of package.json', () => {
  const { scripts } = JSON.parse(read('../../package.json'));
  const runs = [...read('ci.yml').matchAll(/- run: \S+ run (\S+)/g)].map(([, script]) => script);
  expect(runs).toEqual(['lint', 'test', 'build']);
  expect(runs.filter((script) => !(`${script}` in scripts))).toEqual([]);
});
