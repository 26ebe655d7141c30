import { describe, expect, test } from 'vitest';
import { mergeFile } from '../../src/core/merge.ts';

const pretty = (value: unknown, indent: number | string = 2): string =>
  `${JSON.stringify(value, null, indent)}\n`;

function mergePackage(yours: unknown, base: unknown, ours: unknown): unknown {
  const { text, conflict } = mergeFile('package.json', pretty(yours), pretty(base), pretty(ours));
  return conflict ? text : JSON.parse(text);
}

describe('package.json, by key', () => {
  const base = { name: 'x', scripts: { dev: 'a', test: 'b' }, dependencies: { zod: '1' } };

  test('a key added on each side', () => {
    const yours = { ...base, dependencies: { zod: '1', left: '1' } };
    const ours = { ...base, dependencies: { zod: '1', right: '2' } };
    expect(mergePackage(yours, base, ours)).toEqual({
      ...base,
      dependencies: { zod: '1', left: '1', right: '2' },
    });
  });

  test('a version moved by us, a script changed and one removed by you', () => {
    const yours = { ...base, scripts: { dev: 'mine' } };
    const ours = { ...base, dependencies: { zod: '2' } };
    expect(mergePackage(yours, base, ours)).toEqual({
      name: 'x',
      scripts: { dev: 'mine' },
      dependencies: { zod: '2' },
    });
  });

  test('your order of keys is kept, ours come beside their neighbours', () => {
    const yours = { dependencies: { zod: '1' }, name: 'x', scripts: { test: 'b', dev: 'a' } };
    const ours = { version: '1', ...base };
    const { text } = mergeFile('package.json', pretty(yours), pretty(base), pretty(ours));
    const { dependencies, name, scripts } = yours;
    expect(text).toBe(pretty({ dependencies, version: '1', name, scripts }));
  });

  test.each([
    ['4 spaces', 4],
    ['tabs', '\t'],
  ])('your indentation is kept: %s', (_title, indent) => {
    const yours = { ...base, private: true };
    const ours = { ...base, dependencies: { zod: '2' } };
    const { text } = mergeFile('package.json', pretty(yours, indent), pretty(base), pretty(ours));
    expect(text).toBe(pretty({ ...yours, dependencies: { zod: '2' } }, indent));
  });

  test('your way of writing it is kept, and comes back when ours goes', () => {
    const yours =
      '{ "name":"x" , "files": ["a",\n "b"], "scripts": {"dev":"a"},\n"private":true}\n\n';
    const base = pretty({ name: 'x', scripts: { dev: 'a' } });
    const ours = pretty({ name: 'x', scripts: { build: 'b', dev: 'a' }, dependencies: { z: '1' } });
    const there = mergeFile('package.json', yours, base, ours);
    expect(there).toEqual({
      text: '{ "name":"x" , "files": ["a",\n "b"], "scripts": {"build":"b","dev":"a"},\n"dependencies":{\n "z": "1"\n},\n"private":true}\n\n',
      conflict: false,
    });
    expect(mergeFile('package.json', there.text, ours, base).text).toBe(yours);
  });

  test('what says the same already is not written again in our format', () => {
    const yours = '{"name":"x","files":["a","b"],"private":true}';
    const base = pretty({ name: 'x' });
    const ours = pretty({ name: 'x', files: ['a', 'b'] });
    expect(mergeFile('package.json', yours, base, ours)).toEqual({ text: yours, conflict: false });
  });

  test('nested objects added on both sides are joined', () => {
    const yours = { name: 'x', config: { a: { one: 1 } } };
    const ours = { name: 'x', config: { a: { two: 2 }, b: 3 } };
    expect(mergePackage(yours, { name: 'x' }, ours)).toEqual({
      name: 'x',
      config: { a: { one: 1, two: 2 }, b: 3 },
    });
  });

  test('a key that you removed and we left stays removed', () => {
    expect(
      mergePackage({ name: 'x' }, { name: 'x', private: true }, { name: 'x', private: true }),
    ).toEqual({ name: 'x' });
  });

  test('a key that we removed and you left goes', () => {
    const yours = { ...base, own: 1 };
    const { scripts: _, ...ours } = base;
    expect(mergePackage(yours, base, ours)).toEqual({ ...ours, own: 1 });
  });

  test('an array changed on one side only', () => {
    const yours = { files: ['a'], own: 1 };
    expect(mergePackage(yours, { files: ['a'] }, { files: ['a', 'b'] })).toEqual({
      files: ['a', 'b'],
      own: 1,
    });
  });

  test('a key called __proto__ is a key like any other', () => {
    const ours = '{"name":"x","__proto__":{"polluted":true}}';
    const { text, conflict } = mergeFile(
      'package.json',
      '{"name":"x","own":1}',
      '{"name":"x"}',
      ours,
    );
    expect(conflict).toBe(false);
    expect(text).toContain('"__proto__"');
    expect(Object.hasOwn(JSON.parse(text), '__proto__')).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('package.json, where keys collide', () => {
  test('only the colliding key is between markers, the rest is merged', () => {
    const base = { name: 'x', scripts: { dev: 'a' }, dependencies: { zod: '1' } };
    const yours = { ...base, scripts: { dev: 'mine' }, private: true };
    const ours = { ...base, scripts: { dev: 'ours' }, dependencies: { zod: '2' } };
    expect(mergePackage(yours, base, ours)).toBe(`{
  "name": "x",
  "scripts": {
<<<<<<< yours
    "dev": "mine"
=======
    "dev": "ours"
>>>>>>> create-llm-api
  },
  "dependencies": {
    "zod": "2"
  },
  "private": true
}
`);
  });

  test('the same key added in different places is a conflict, never a key twice', () => {
    const base = { scripts: { a: '1', b: '2', c: '3', d: '4' } };
    const yours = { scripts: { lint: 'mine', ...base.scripts } };
    const ours = { scripts: { ...base.scripts, lint: 'ours' } };
    expect(mergePackage(yours, base, ours)).toBe(`{
  "scripts": {
<<<<<<< yours
    "lint": "mine",
=======
    "lint": "ours",
>>>>>>> create-llm-api
    "a": "1",
    "b": "2",
    "c": "3",
    "d": "4"
  }
}
`);
  });

  test('arrays are one value: changed on both sides, they collide', () => {
    const text = mergePackage({ files: ['mine', 'a'] }, { files: ['a'] }, { files: ['a', 'ours'] });
    expect(text).toContain('<<<<<<< yours\n    "mine",\n');
  });

  test('removed by you, changed by us', () => {
    const text = mergePackage({ a: 1 }, { a: 1, b: 1 }, { a: 1, b: 2 });
    expect(text).toContain('  "b": 2\n>>>>>>> create-llm-api');
  });

  test('neither side is lost when one made an object of a value', () => {
    const text = mergePackage(
      { repository: { url: 'u' } },
      { repository: 'a' },
      { repository: 'b' },
    );
    expect(text).toContain('"url": "u"');
    expect(text).toContain('"repository": "b"');
  });
});

describe('package.json that is no JSON object merges by line', () => {
  test('broken JSON', () => {
    const merged = mergeFile(
      'package.json',
      '{\n"mine": 1,,\n}\n\n\nz\n',
      '{\n}\n\n\nz\n',
      '{\n}\n\n\nZ\n',
    );
    expect(merged).toEqual({ text: '{\n"mine": 1,,\n}\n\n\nZ\n', conflict: false });
  });

  test.each(['[]', '"text"', '42', 'null'])('%s', (base) => {
    const merged = mergeFile('package.json', '{"a":1}', base, '{"a":2}');
    expect(merged.conflict).toBe(true);
    expect(merged.text).toContain('{"a":1}\n=======\n{"a":2}');
  });
});

describe('lists, by item', () => {
  const dependencies = (...names: readonly string[]): string =>
    `[project]\ndependencies = [\n${names.map((name) => `    "${name}",\n`).join('')}]\n`;

  test('dependencies that both sides added or moved at the same place', () => {
    const base = dependencies('a==1', 'b==1');
    const yours = dependencies('a==1', 'b==1', 'mine==1');
    const ours = dependencies('a==1', 'b==2', 'c==1');
    expect(mergeFile('pyproject.toml', yours, base, ours)).toEqual({
      text: dependencies('a==1', 'b==2', 'c==1', 'mine==1'),
      conflict: false,
    });
  });

  test('one dependency moved by both is a conflict', () => {
    const [base, yours, ours] = ['1', '2', '3'].map((version) => dependencies(`a==${version}`));
    expect(mergeFile('pyproject.toml', yours ?? '', base ?? '', ours ?? '').conflict).toBe(true);
  });

  test('variables that both sides added at the end, with their comments', () => {
    const base = '# Intro.\n\n# The port.\n#PORT=8000\n';
    const yours = `${base}\n# Mine, all mine.\nMINE=1\n`;
    const ours = `${base}\n# Where Redis is.\n#REDIS_URL=redis://localhost\n`;
    const merged = mergeFile('.env.example', yours, base, ours);
    expect(merged.conflict).toBe(false);
    for (const side of [yours, ours]) {
      for (const line of side.split('\n')) expect(merged.text.split('\n')).toContain(line);
    }
    expect(mergeFile('.env.example', merged.text, ours, base).text).toBe(yours);
  });
});

describe('locks: what we locked wins, what you added stays', () => {
  const entry = (version: string, more = {}) => ({
    version,
    integrity: `sha512-${version}`,
    ...more,
  });
  const lock = (packages: object): string => pretty({ lockfileVersion: 3, packages });

  test('package-lock.json, by package', () => {
    const yours = lock({
      '': { dependencies: { a: '1', mine: '1' } },
      'node_modules/a': entry('1', { resolved: 'https://registry/a-1.tgz' }),
      'node_modules/mine': entry('1'),
    });
    const base = lock({ '': { dependencies: { a: '1' } }, 'node_modules/a': entry('1') });
    const ours = lock({ '': { dependencies: { a: '2' } }, 'node_modules/a': entry('2') });
    expect(mergeFile('package-lock.json', yours, base, ours)).toEqual({
      text: lock({
        '': { dependencies: { a: '2', mine: '1' } },
        'node_modules/a': entry('2'),
        'node_modules/mine': entry('1'),
      }),
      conflict: false,
    });
  });

  test('requirements.txt, by requirement', () => {
    const pin = (name: string, version: string): string =>
      `${name}==${version} \\\n    --hash=sha256:${version}\n`;
    const yours = `# by uv\n${pin('a', '1.5')}    # via mine\n${pin('mine', '1')}${pin('z', '1')}`;
    const base = `# by uv\n${pin('a', '1')}${pin('z', '1')}`;
    const ours = `# by uv\n${pin('a', '2')}${pin('b', '1')}${pin('z', '1')}`;
    expect(mergeFile('requirements.txt', yours, base, ours)).toEqual({
      text: `# by uv\n${pin('a', '2')}${pin('b', '1')}${pin('mine', '1')}${pin('z', '1')}`,
      conflict: false,
    });
  });

  test('requirements.txt with more than pins in it is text like any other', () => {
    const merged = mergeFile('requirements.txt', '-e .\na==1\n', 'a==1\n', 'a==2\n');
    expect(merged.conflict).toBe(true);
  });
});

describe('line ends', () => {
  test('those of Windows stay', () => {
    expect(mergeFile('a', 'A\r\nb\r\nc\r\nd\r\n', 'a\nb\nc\nd\n', 'a\nb\nc\nD\n').text).toBe(
      'A\r\nb\r\nc\r\nD\r\n',
    );
  });

  test('of two kinds in one file stay as they are, each', () => {
    expect(mergeFile('a', 'a\r\nb\nc\nd\n', 'a\nb\nc\nd\n', 'a\nb\nc\nD\n').text).toBe(
      'a\r\nb\nc\nD\n',
    );
  });

  test('a marker is a line of its own where the text ends without one', () => {
    expect(mergeFile('a', 'a\nmine', 'a\nx', 'a\nours').text).toBe(
      'a\n<<<<<<< yours\nmine\n=======\nours\n>>>>>>> create-llm-api\n',
    );
  });
});

describe('text, by hunk', () => {
  test('lines named like parts of an object are lines', () => {
    const base = '__proto__\nconstructor\ntoString\nhasOwnProperty\nx\n';
    const merged = mergeFile('a.txt', `mine\n${base}`, base, `${base}ours\n`);
    expect(merged).toEqual({ text: `mine\n${base}ours\n`, conflict: false });
  });

  test('the end of the file is as its sides have it', () => {
    expect(mergeFile('a', 'A\nb\nc\nd', 'a\nb\nc\nd', 'a\nb\nc\nD').text).toBe('A\nb\nc\nD');
  });

  test('package.json deeper in the project is text like any other', () => {
    const merged = mergeFile('web/package.json', '{"a":1}\n', '{}\n', '{"b":1}\n');
    expect(merged.conflict).toBe(true);
  });
});
