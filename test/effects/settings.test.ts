import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSettings } from '../../src/effects/settings.ts';
import { makeFolder } from '../harness/cli.ts';

test('the environment wins over .env, and empty is unset in both', async () => {
  const folder = await makeFolder();
  const lines = ['A=file', 'B="in quotes" # why', 'export C=exported', 'D=', 'E=file', ''];
  await writeFile(join(folder, '.env'), lines.join('\r\n'));
  const settings = await readSettings(folder, { A: 'real', E: '' });
  expect(['A', 'B', 'C', 'D', 'E', 'F'].map(settings.get)).toEqual([
    'real',
    'in quotes',
    'exported',
    undefined,
    'file',
    undefined,
  ]);
  expect([settings.source('A'), settings.source('E')]).toEqual(['the environment', '.env']);
});

test('no .env, or no project at all, is no mistake', async () => {
  expect((await readSettings(await makeFolder(), {})).get('A')).toBeUndefined();
  expect((await readSettings(undefined, { A: '1' })).get('A')).toBe('1');
});

test('a .env that cannot be read is one', async () => {
  const folder = await makeFolder();
  await mkdir(join(folder, '.env'));
  await expect(readSettings(folder, {})).rejects.toThrow(/\.env cannot be read \(EISDIR\)/);
});
