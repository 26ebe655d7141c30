import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { STACKS } from '../../src/core/stacks.ts';
import { readTemplate } from '../../src/effects/templates.ts';

const MAX_RENDERED_FILES = 6;
/** Each kind of file that may be rendered, and the escapers of its language. */
const ESCAPERS: Readonly<Record<string, readonly string[]>> = {
  py: ['py'],
  ts: ['ts'],
  toml: ['toml'],
  yaml: ['yaml'],
  yml: ['yaml'],
  md: ['md', 'sh'],
};
/** What no escaper has to open: facts of ours, or made by us out of safe letters. */
const FACTS = /^(slug|version|packageManager|toolDev|toolStart|commands\.[a-z]+)$/;
/** Where the code of add-ons meets that of the stack: the one file with a loop. */
const WIRING = {
  file: /^(app\/addons\.py|src\/addons\.ts)\.ejs$/,
  loop: /^_ (for \(const each of wiring\) \{|\}) _$/,
  fact: /^each\.(module|name)$/,
};
const LOCK_FILE = /^(package-lock\.json|requirements(-dev)?\.txt)$/;

describe.each(STACKS.map(({ name }) => name))('the template %s', async (stack) => {
  const { files, manifest } = await readTemplate(stack);
  const rendered = [...files].filter(([path]) => path.endsWith('.ejs'));
  const tags = rendered.flatMap(([path, { text }]) =>
    [...text.matchAll(/<%([\s\S]*?)%>/g)].map(([tag, inside = '']) => ({ path, tag, inside })),
  );
  const list = (found: readonly { path: string; tag: string }[]) =>
    found.map(({ path, tag }) => `${path}: ${tag}`);

  test(`renders ${MAX_RENDERED_FILES} files at most, the others are copied`, () => {
    expect(rendered.map(([path]) => path).slice(MAX_RENDERED_FILES)).toEqual([]);
  });

  test('has no conditions, and loops where add-ons are wired: differences are data or files', () => {
    const statements = tags.filter(
      ({ path, inside }) =>
        (!/^[-=]/.test(inside) || /[?;]|&&|\|\|/.test(inside)) &&
        !(WIRING.file.test(path) && WIRING.loop.test(inside)),
    );
    expect(list(statements)).toEqual([]);
  });

  test('prints facts, and the rest through an escaper of the language of the file', () => {
    const wrong = tags.filter(({ path, inside }) => {
      if (!/^[-=]/.test(inside)) return false;
      const expression = inside.slice(1).replace(/-$/, '').trim();
      const [, escaper = ''] = /^([a-z]+)\([A-Za-z]+\)$/.exec(expression) ?? [];
      const escapers = ESCAPERS[path.split('.').at(-2) ?? ''] ?? [];
      if (WIRING.file.test(path) && WIRING.fact.test(expression)) return false;
      return !escapers.includes(escaper) && !FACTS.test(expression);
    });
    expect(list(wrong)).toEqual([]);
  });

  test('has no name that a package cannot ship', () => {
    const lost = /(^|\/)(\.gitignore|\.npmrc|\.npmignore|\.git|\.DS_Store|node_modules)(\/|$)/;
    expect([...files.keys()].filter((path) => lost.test(path))).toEqual([]);
  });

  test('has text files only, with line ends of one kind and one at the end', () => {
    const odd = [...files].filter(([, { text }]) => /[\r\0\ufffd]|[^\n]$|\n\n$/.test(text));
    expect(odd.map(([path]) => path)).toEqual([]);
  });

  test('has no debris in git', () => {
    const cwd = fileURLToPath(new URL(`../../templates/stacks/${stack}/`, import.meta.url));
    const tracked = execFileSync('git', ['ls-files'], { cwd, encoding: 'utf8' }).split('\n');
    const debris =
      /(^|\/)(node_modules|\.venv|dist|coverage|__pycache__|\.[a-z]+_cache|\.env)(\/|$)/;
    expect(tracked.filter((path) => debris.test(path))).toEqual([]);
  });

  test('has a lock of all that it depends on, which says of no place where it was made', () => {
    const locks = [...files].filter(([path]) => LOCK_FILE.test(path));
    const hosts = locks.flatMap(([path, { text }]) =>
      [
        ...text.matchAll(
          /"resolved"|--(extra-)?index-url|--find-links|https?:\/\/[^\s"]*\.(tgz|whl|gz)/g,
        ),
      ].map(([found]) => `${path}: ${found}`),
    );
    expect(hosts).toEqual([]);
    expect(unlocked()).toEqual([]);
  });

  /** The direct dependencies that the lock does not have. */
  function unlocked(): readonly string[] {
    const read = (path: string): string => files.get(path)?.text ?? '';
    if (manifest.language === 'typescript') {
      const { dependencies, devDependencies } = JSON.parse(read('package.json'));
      const root = JSON.parse(read('package-lock.json')).packages[''];
      const direct = Object.entries({ ...dependencies, ...devDependencies });
      const locked = { ...root.dependencies, ...root.devDependencies };
      return direct.flatMap(([name, range]) => (locked[name] === range ? [] : [name]));
    }
    const missing = (paths: readonly string[], requirements: readonly string[] = []) => {
      const pinned = /^([A-Za-z0-9._-]+)(\[.*\])?==.*\\\n +--hash=sha256:/gm;
      const names = [...paths.map(read).join('').matchAll(pinned)].map(([, name = '']) =>
        normalize(name),
      );
      return requirements
        .map((text) => normalize(/^[A-Za-z0-9._-]+/.exec(text)?.[0] ?? ''))
        .filter((name) => !names.includes(name))
        .map((name) => `${paths.at(-1)}: ${name}`);
    };
    const { dependencies = [], devDependencies = [] } = manifest;
    return [
      ...missing(['requirements.txt'], dependencies),
      ...missing(['requirements.txt', 'requirements-dev.txt'], devDependencies),
    ];
  }
});

/** PyPI's names: case and separators do not count. */
function normalize(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
