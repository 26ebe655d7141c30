import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeFolder } from '../harness/cli.ts';
import { startTool } from '../harness/running.ts';

test.each([
  ['bench', ['bench', 'http://127.0.0.1:1', '--key-stdin']],
  ['create', ['create', 'my-api', '--yes', '--key-stdin', '--no-install', '--no-git']],
])('Ctrl-C ends %s while it waits for a key that does not come', async (_, args) => {
  const cwd = await makeFolder();
  const running = startTool(args, { cwd, stdin: 'pipe' });
  await running.waitFor('Waiting for the key on standard input');
  running.signal('SIGINT');
  const { code, stderr } = await running.ended;
  expect(code).toBe(130);
  expect(stderr).toContain('Cancelled.');
  expect(await readdir(cwd)).toEqual([]);
});
