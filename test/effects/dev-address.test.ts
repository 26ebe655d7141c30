import { spawnSync } from 'node:child_process';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  readDevAddress,
  removeDevAddress,
  writeDevAddress,
} from '../../src/effects/dev-address.ts';
import { makeFolder } from '../harness/cli.ts';

const URL_ = 'http://127.0.0.1:8123';

/** The file in the temporary folder that the note of this project is in. */
async function findNote(directory: string): Promise<string> {
  const before = new Set(await readdir(tmpdir()));
  await writeDevAddress(directory, URL_);
  const [name = ''] = (await readdir(tmpdir())).filter(
    (entry) => entry.startsWith('llm-api-') && entry.endsWith('.json') && !before.has(entry),
  );
  return join(tmpdir(), name);
}

test('is found through any path of the project, until it is removed', async () => {
  const [directory, elsewhere] = [await makeFolder(), await makeFolder()];
  await symlink(directory, join(elsewhere, 'link'));
  await writeDevAddress(directory, URL_);
  expect(await readDevAddress(join(elsewhere, 'link'))).toBe(URL_);
  expect(await readDevAddress(elsewhere)).toBeUndefined();
  await removeDevAddress(directory);
  expect(await readDevAddress(directory)).toBeUndefined();
});

test('of a server that is gone, or of a later one, is left alone', async () => {
  const directory = await makeFolder();
  const path = await findNote(directory);
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(path, JSON.stringify({ url: URL_, pid }));
  expect(await readDevAddress(directory)).toBeUndefined();
  await removeDevAddress(directory);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url: URL_, pid });
  await writeDevAddress(directory, URL_);
  await removeDevAddress(directory);
});

test('is not read through a link that somebody laid out, and not written through it', async () => {
  const [directory, elsewhere] = [await makeFolder(), await makeFolder()];
  const path = await findNote(directory);
  await removeDevAddress(directory);
  const target = join(elsewhere, 'target');
  await writeFile(target, JSON.stringify({ url: 'http://evil.example', pid: process.pid }));
  await symlink(target, path);
  expect(await readDevAddress(directory)).toBeUndefined();
  await writeDevAddress(directory, URL_);
  expect(await readDevAddress(directory)).toBe(URL_);
  expect(await readFile(target, 'utf8')).toContain('evil');
  await removeDevAddress(directory);
});
