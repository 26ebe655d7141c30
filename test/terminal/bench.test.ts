import { expect, test } from 'vitest';
import { HELLO, startAnswerer } from '../bench/answerer.ts';
import { ROOT } from '../harness/cli.ts';
import { openTerminal } from '../harness/terminal.ts';

const CTRL_C = '\x03';
const SHORT = ['--duration', '1', '--warmup', '0.5', '--connections', '2'];

function openBench(url: URL, env: Readonly<Record<string, string>> = {}) {
  return openTerminal('llm-api', ['bench', url.href, ...SHORT], { cwd: ROOT, env });
}

test('shows on one line how it goes, and the table in its place', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const terminal = await openBench(url);
  await terminal.waitFor('Measuring: warming up, 1 s');
  await terminal.waitFor('requests/s, 2 under way, 1 s to go');
  expect(await terminal.exit).toBe(0);
  expect(terminal.screen()).toMatch(/^http:\S+\/generate\nplain answers, 2 at once/);
  expect(terminal.screen()).not.toContain('under way');
});

test('nothing moves where a machine builds', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const terminal = await openBench(url, { CI: 'true' });
  expect(await terminal.exit).toBe(0);
  expect(terminal.screen()).toMatch(/^Measuring …\nhttp/);
  expect(terminal.everything()).not.toContain('\x1b[K');
});

test('Ctrl-C clears the line and ends it', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const terminal = await openBench(url);
  await terminal.waitFor('Measuring: ');
  terminal.type(CTRL_C);
  expect(await terminal.exit).toBe(130);
  expect(terminal.screen()).not.toContain('Measuring');
});

test('--key-stdin says that it waits, takes a line, and is ended by Ctrl-C', async () => {
  const seen = new Set<string | undefined>();
  const url = await startAnswerer((socket, request) => {
    seen.add(/^authorization: (.*)$/im.exec(request)?.[1]?.trim());
    socket.write(HELLO);
  });
  const open = () =>
    openTerminal('llm-api', ['bench', url.href, ...SHORT, '--key-stdin'], { cwd: ROOT });
  const cancelled = await open();
  await cancelled.waitFor('Waiting for the key: paste it here and press Enter.');
  cancelled.type(CTRL_C);
  expect(await cancelled.exit).toBe(130);

  const typed = await open();
  await typed.waitFor('Waiting for the key');
  typed.type('sk-typed\r');
  expect(await typed.exit).toBe(0);
  expect([...seen]).toEqual(['Bearer sk-typed']);
});
