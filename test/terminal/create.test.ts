import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../harness/cli.ts';
import { openTerminal, type Terminal } from '../harness/terminal.ts';

const ENTER = '\r';
const DOWN = '\x1b[B';
const CTRL_C = '\x03';

/** The questions in their order, and what to press at each for: Flask, no key, no install. */
const DIALOGUE: readonly (readonly [question: string, keys: string])[] = [
  ['Where should the project go?', ENTER],
  ['Async production or simple prototype?', DOWN + ENTER],
  ['Which language?', ENTER],
  ['Anything else?', ENTER],
  ['OpenAI API key?', ENTER],
  ['Install the dependencies?', `n${ENTER}`],
  ['Make a git repository?', `n${ENTER}`],
];

async function answer(terminal: Terminal, count: number): Promise<void> {
  for (const [question, keys] of DIALOGUE.slice(0, count)) {
    await terminal.waitFor(question);
    terminal.type(keys);
  }
}

test('asks in order, takes the defaults shown, and says what next', async () => {
  const cwd = await makeFolder();
  const terminal = await openTerminal('create-llm-api', [], { cwd });
  await answer(terminal, DIALOGUE.length);
  expect(await terminal.exit).toBe(0);
  const screen = terminal.screen();
  const places = DIALOGUE.map(([question]) => screen.indexOf(question));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(screen).toContain('my-llm-api is ready');
  expect(screen).toContain('cd my-llm-api');
  expect(screen).toContain('llm-api dev');
  expect(screen).toContain('--template flask');
  expect(existsSync(join(cwd, 'my-llm-api/app.py'))).toBe(true);
  expect(existsSync(join(cwd, 'my-llm-api/.env'))).toBe(false);
});

test('asks only what no flag answered', async () => {
  const cwd = await makeFolder();
  const flags = ['x', '-t', 'async', '--with', '', '--no-key', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd });
  await terminal.waitFor('Which language?');
  terminal.type(DOWN + ENTER);
  expect(await terminal.exit).toBe(0);
  const asked = terminal.screen().match(/^[✔?] /gm);
  expect(asked).toHaveLength(1);
  expect(existsSync(join(cwd, 'x/package.json'))).toBe(true);
});

test('add-ons are ticked with the space bar', async () => {
  const cwd = await makeFolder();
  const flags = ['x', '-t', 'flask', '--no-key', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd });
  await terminal.waitFor('Anything else?');
  terminal.type(` ${DOWN} ${ENTER}`);
  expect(await terminal.exit).toBe(0);
  expect(terminal.screen()).toContain('--with docker,github-actions');
  expect(existsSync(join(cwd, 'x/Dockerfile'))).toBe(true);
  expect(existsSync(join(cwd, 'x/.github/workflows/image.yml'))).toBe(true);
});

test('add-ons that lack another are refused where they are ticked', async () => {
  const cwd = await makeFolder();
  const flags = ['x', '-t', 'fastify', '--no-key', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd });
  await terminal.waitFor('Anything else?');
  terminal.type(`${DOWN}${DOWN} ${ENTER}`);
  await terminal.waitFor('The add-on kubernetes needs docker.');
  terminal.type(`\x1b[A\x1b[A ${ENTER}`);
  expect(await terminal.exit).toBe(0);
  expect(terminal.screen()).toContain('--with docker,kubernetes');
});

test('a typed key is shown as stars and lands in .env', async () => {
  const cwd = await makeFolder();
  const flags = ['x', '-t', 'flask', '--with', '', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd });
  await terminal.waitFor('OpenAI API key?');
  terminal.type(DOWN + ENTER);
  await terminal.waitFor('Key:');
  terminal.type('not a key');
  terminal.type(ENTER);
  await terminal.waitFor('no API key has');
  terminal.type('\x15sk-canary-1');
  terminal.type(ENTER);
  expect(await terminal.exit).toBe(0);
  expect(terminal.everything()).not.toContain('canary');
  expect(await readFile(join(cwd, 'x/.env'), 'utf8')).toBe('OPENAI_API_KEY=sk-canary-1\n');
});

test('a name that cannot be is refused where it is typed', async () => {
  const cwd = await makeFolder();
  const flags = ['-t', 'flask', '--with', '', '--no-key', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd });
  await terminal.waitFor('Where should the project go?');
  terminal.type(`con${ENTER}`);
  await terminal.waitFor('device on Windows');
  terminal.type(`\x15fine${ENTER}`);
  expect(await terminal.exit).toBe(0);
  expect(await readdir(cwd)).toEqual(['fine']);
});

test.each(DIALOGUE.map(([question], index) => [question, index] as const))(
  'Ctrl-C at "%s" exits 130, in one line, and leaves nothing',
  async (question, index) => {
    const cwd = await makeFolder();
    const terminal = await openTerminal('create-llm-api', [], { cwd });
    await answer(terminal, index);
    await terminal.waitFor(question);
    terminal.type(CTRL_C);
    expect(await terminal.exit).toBe(130);
    expect(terminal.screen()).toMatch(/^Cancelled: nothing was written\.$/m);
    expect(terminal.screen()).not.toContain('error');
    expect(terminal.screen()).not.toMatch(/\n\s+at /);
    expect(await readdir(cwd)).toEqual([]);
    expect(terminal.cursorHidden()).toBe(false);
  },
);

test('Ctrl-C while the key is typed', async () => {
  const cwd = await makeFolder();
  const flags = ['x', '-t', 'flask', '--with', '', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd });
  await terminal.waitFor('OpenAI API key?');
  terminal.type(DOWN + ENTER);
  await terminal.waitFor('Key:');
  terminal.type(`sk-canary${CTRL_C}`);
  expect(await terminal.exit).toBe(130);
  expect(terminal.everything()).not.toContain('canary');
  expect(await readdir(cwd)).toEqual([]);
});

test('NO_COLOR is respected', async () => {
  const cwd = await makeFolder();
  const flags = ['x', '-t', 'flask', '--with', '', '--no-key', '--no-install', '--no-git'];
  const terminal = await openTerminal('create-llm-api', flags, { cwd, env: { NO_COLOR: '1' } });
  expect(await terminal.exit).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  expect(terminal.everything()).not.toMatch(/\x1b\[[0-9;]*m/);
});
