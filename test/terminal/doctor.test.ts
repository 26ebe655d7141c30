import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { makeFolder } from '../harness/cli.ts';
import { makeProject } from '../harness/fake-project.ts';
import { openTerminal } from '../harness/terminal.ts';

const RED_MARK = '\x1b[31m✖\x1b[39m';

test('marks are in colour, unless NO_COLOR is set', async () => {
  const cwd = await makeFolder();
  await makeProject(cwd, { installed: false });
  const terminal = await openTerminal('llm-api', ['doctor'], { cwd });
  expect(await terminal.exit).toBe(1);
  expect(terminal.everything()).toContain(RED_MARK);
  const plain = await openTerminal('llm-api', ['doctor'], { cwd, env: { NO_COLOR: '1' } });
  expect(await plain.exit).toBe(1);
  expect(plain.everything()).toContain('✖ dependencies');
  expect(plain.everything()).not.toContain('\x1b[3');
});

test('what is waited for is shown, and gone once there is an answer', async ({
  onTestFinished,
}) => {
  const mock = await startMock({ fault: 'hang' });
  onTestFinished(() => mock.close());
  const cwd = await makeFolder();
  await makeProject(cwd, { installed: false });
  const env = { OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: mock.url };
  const terminal = await openTerminal('llm-api', ['doctor'], { cwd, env });
  await terminal.waitFor('Looking at key, model');
  expect(await terminal.exit).toBe(1);
  expect(terminal.screen()).not.toContain('Looking at');
  expect(terminal.screen()).toContain('did not answer within 5 s');
});
