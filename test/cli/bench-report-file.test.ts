import { lstatSync } from 'node:fs';
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HELLO, startAnswerer } from '../bench/answerer.ts';
import { makeFolder, runCli } from '../harness/cli.ts';
import { runInShell } from '../harness/shell.ts';

const SHORT = ['--duration', '0.2', '--warmup', '0', '--connections', '1'];
const PAGE = /^<!doctype html>.*<\/html>\s*$/s;
const isPosix = process.platform !== 'win32';

async function bench(...args: readonly string[]) {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  return runCli('llm-api', ['bench', url.href, ...SHORT, ...args]);
}

async function benchInShell(script: string, ...args: readonly string[]) {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  return runInShell(script, ['bench', url.href, ...SHORT, ...args]);
}

/** No file may be larger than a kilobyte. */
const NO_ROOM = 'ulimit -f 1; exec "$@"';

test.skipIf(!isPosix)('a page that cannot be written leaves the old one whole', async () => {
  const folder = await makeFolder();
  await writeFile(join(folder, 'report.html'), 'the old one');
  const { code, stderr } = await benchInShell(NO_ROOM, '--html', join(folder, 'report.html'));
  expect(code).toBe(1);
  expect(stderr).toContain('report.html cannot be written (EFBIG).');
  expect(await readdir(folder)).toEqual(['report.html']);
  expect(await readFile(join(folder, 'report.html'), 'utf8')).toBe('the old one');
});

test.skipIf(!isPosix)(
  'the figures are not lost with it: --json has them, in one document',
  async () => {
    const file = join(await makeFolder(), 'report.html');
    const { code, stdout } = await benchInShell(NO_ROOM, '--json', '--html', file);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      exitCode: 1,
      error: expect.stringContaining('cannot be written (EFBIG)'),
      requestsPerSecond: expect.any(Number),
      latency: { p50: expect.any(Number) },
      machine: expect.any(String),
    });
  },
);

test('a page replaces the old one, with who may read it, and leaves nothing else', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'report.html');
  await writeFile(file, 'the old one');
  await chmod(file, 0o600);
  expect(await bench('--html', file)).toMatchObject({ code: 0 });
  expect(await readFile(file, 'utf8')).toMatch(PAGE);
  if (isPosix) expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['report.html']);
});

test.skipIf(!isPosix)('a link is followed, to a file and to where one will be', async () => {
  const folder = await makeFolder();
  for (const name of ['there', 'new']) await symlink(`${name}.html`, join(folder, `${name}-link`));
  await writeFile(join(folder, 'there.html'), 'the old one');
  for (const name of ['there', 'new']) {
    expect(await bench('--html', join(folder, `${name}-link`))).toMatchObject({ code: 0 });
    expect(await readFile(join(folder, `${name}.html`), 'utf8')).toMatch(PAGE);
    expect(lstatSync(join(folder, `${name}-link`)).isSymbolicLink()).toBe(true);
  }
});

test.skipIf(!isPosix)('a pipe and standard output are written to', async () => {
  const pipe = join(await makeFolder(), 'pipe');
  await runInShell(`mkfifo '${pipe}'`, []);
  const read = readFile(pipe, 'utf8');
  expect(await bench('--html', pipe)).toMatchObject({ code: 0 });
  expect(await read).toMatch(PAGE);
  expect(lstatSync(pipe).isFIFO()).toBe(true);

  const { code, stdout } = await benchInShell('"$@" | cat', '--html', '/dev/stdout');
  expect(code).toBe(0);
  expect(stdout).toMatch(/<\/html>/);
});

test.skipIf(!isPosix || process.getuid?.() !== 0)(
  'a page that may be written in a folder that may not is written in place',
  async () => {
    const folder = await makeFolder();
    const file = join(folder, 'report.html');
    await writeFile(file, 'the old one');
    await chmod(file, 0o666);
    await chmod(folder, 0o755);
    const url = await startAnswerer((socket) => socket.write(HELLO));
    const args = ['bench', url.href, ...SHORT, '--html', file];
    const { code } = await runCli('llm-api', args, { uid: 65_534 });
    expect(code).toBe(0);
    expect(await readFile(file, 'utf8')).toMatch(PAGE);
  },
);

test.each([
  ['', 2, '--html names no file.'],
  ['new/', 1, 'new/ is a directory.'],
  ['package.json/report.html', 1, 'there is no such directory'],
])('--html %j is refused before anything is measured', async (path, expected, words) => {
  let asked = 0;
  const url = await startAnswerer(() => asked++);
  const args = ['bench', url.href, ...SHORT, '--html', path];
  const { code, stderr } = await runCli('llm-api', args);
  expect({ code, asked }).toEqual({ code: expected, asked: 0 });
  expect(stderr).toContain(words);
});
