import { describe, expect, test } from 'vitest';
import { formatDiff, formatTree } from '../../src/core/format.ts';

describe('a tree', () => {
  test('folders once, in the order of the paths', () => {
    const paths = ['src/app.ts', 'package.json', 'src/routes/generate.ts', 'src-old/x', 'a.b/c/d'];
    expect(formatTree('my-api', paths)).toBe(`my-api/
  a.b/
    c/
      d
  package.json
  src-old/
    x
  src/
    app.ts
    routes/
      generate.ts`);
  });

  test('nothing in it', () => {
    expect(formatTree('my-api', [])).toBe('my-api/');
  });
});

describe('a diff', () => {
  const lines = (...names: readonly string[]): string => `${names.join('\n')}\n`;

  test('equal texts have none', () => {
    expect(formatDiff('a.txt', 'x\n', 'x\n')).toBe('');
  });

  test('line ends alone are no difference', () => {
    expect(formatDiff('a.txt', 'x\r\ny\r\n', 'x\ny\n')).toBe('');
  });

  test('one change, with three lines around it', () => {
    const before = lines('1', '2', '3', '4', '5', '6', '7', '8', '9');
    const after = lines('1', '2', '3', '4', 'five', '6', '7', '8', '9');
    expect(formatDiff('a.txt', before, after)).toBe(`--- a.txt
+++ a.txt
@@ line 5 @@
 2
 3
 4
-5
+five
 6
 7
 8`);
  });

  test('changes near each other show each line once', () => {
    const before = lines('1', '2', '3', '4', '5', '6', '7');
    const after = lines('one', '2', 'three', '4', '5', '6', '7');
    expect(formatDiff('a.txt', before, after)).toBe(`--- a.txt
+++ a.txt
@@ line 1 @@
-1
+one
 2
@@ line 3 @@
-3
+three
 4
 5
 6`);
  });

  test('lines added to nothing', () => {
    expect(formatDiff('a.txt', '', 'x\n')).toBe('--- a.txt\n+++ a.txt\n@@ line 1 @@\n+x\n ');
  });
});
