import { expect, test } from 'vitest';
import { makeFolder } from '../harness/cli.ts';
import { makeProject, readPids, readSurvivors } from '../harness/fake-project.ts';
import { openTerminal, type Terminal } from '../harness/terminal.ts';
import { waitFor } from '../harness/wait.ts';

const CTRL_C = '\x03';

async function openDev(traits: string): Promise<{ directory: string; terminal: Terminal }> {
  const directory = await makeFolder();
  await makeProject(directory);
  const env = { FAKE: `${traits},family` };
  const terminal = await openTerminal('llm-api', ['dev'], { cwd: directory, env });
  await terminal.waitFor('is ready.');
  await waitFor(async () => (await readPids(directory)).length === 3);
  return { directory, terminal };
}

test('Ctrl-C reaches the server once, through us, and it all ends', async () => {
  const { directory, terminal } = await openDev('drains');
  terminal.type(CTRL_C);
  expect(await terminal.exit).toBe(0);
  expect(terminal.everything().match(/the server got/g)).toHaveLength(1);
  expect(await readSurvivors(directory)).toEqual([]);
});

test('a second Ctrl-C ends it at once', async () => {
  const { directory, terminal } = await openDev('stubborn');
  terminal.type(CTRL_C);
  await terminal.waitFor('the server got SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 200));
  terminal.type(CTRL_C);
  expect(await terminal.exit).toBe(130);
  expect(await readSurvivors(directory)).toEqual([]);
});
