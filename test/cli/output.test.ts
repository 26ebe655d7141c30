import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HELLO, startAnswerer } from '../bench/answerer.ts';
import { makeFolder } from '../harness/cli.ts';
import { runInShell } from '../harness/shell.ts';

const LOST = 'error Standard output cannot be written';

test
  .skipIf(!existsSync('/dev/full'))
  .each([
    [['templates']],
    [['templates', '--json']],
    [['--help']],
    [['bench', '--help']],
    [['completion', 'bash']],
  ])('%j that cannot be written is a failure, told once', async (args) => {
  const { code, stderr } = await runInShell('"$@" >/dev/full', args);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `${LOST} (ENOSPC).\nMake room there, or send it elsewhere, and run the command again.\n`,
  );
});

test.skipIf(!existsSync('/dev/full'))('so is a report that cannot be written', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const args = ['bench', url.href, '-d', '0.2', '--warmup', '0', '-c', '1'];
  const { code, stderr } = await runInShell('"$@" >/dev/full', args);
  expect(code).toBe(1);
  expect(stderr).toContain(`${LOST} (ENOSPC).`);
});

test.skipIf(!existsSync('/dev/full'))('an error keeps its own exit code', async () => {
  const { code, stderr } = await runInShell('"$@" >/dev/full', ['bench', 'ftp://x', '--json']);
  expect(code).toBe(2);
  expect(stderr).toContain('not the address of a server');
  expect(stderr).toContain(LOST);
});

test.skipIf(process.platform === 'win32')('a file that may not grow is a failure', async () => {
  const file = join(await makeFolder(), 'words');
  const script = `ulimit -f 1; exec "$@" >'${file}'`;
  const { code, stderr } = await runInShell(script, ['completion', 'bash']);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(LOST) });
});

test.skipIf(process.platform === 'win32')(
  'who reads the first line only hears nothing',
  async () => {
    const script = 'set -o pipefail; "$@" | head -n 1';
    const { code, stderr } = await runInShell(script, ['completion', 'bash']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  },
);
