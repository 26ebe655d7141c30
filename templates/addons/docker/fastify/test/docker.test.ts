import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** What the image promises of this server. */
const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const dockerfile = read('Dockerfile');
const ignored = read('.dockerignore').split('\n');

test('it starts what "start" starts, without a shell', () => {
  const [, command = '[]'] = [...dockerfile.matchAll(/^CMD (.*)$/gm)].at(-1) ?? [];
  expect(JSON.parse(command).join(' ')).toBe(JSON.parse(read('package.json')).scripts.start);
});

test('it runs as nobody', () => {
  expect([...dockerfile.matchAll(/^USER (.*)$/gm)].at(-1)?.[1]).toBe('65532:65532');
});

test('no key gets into it', () => {
  expect(ignored).toContain('.env*');
  expect(dockerfile).not.toMatch(/^(ARG|ENV)\b.*(KEY|SECRET|TOKEN)/m);
});

test('all that the build needs gets into it', () => {
  const needed = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  expect(needed.filter((path) => ignored.includes(path))).toEqual([]);
});
