import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { binPath, makeFolder } from '../harness/cli.ts';
import { openProgram, type Terminal } from '../harness/terminal.ts';

const TAB = '\t';
const CLEAR = '\x15';

/** Shells without anybody's settings, and how each is told to complete. */
const SHELLS = {
  bash: { argv: ['bash', '--norc', '--noprofile'], line: 'eval "$(llm-api completion bash)"' },
  zsh: { argv: ['zsh', '-f'], line: 'eval "$(llm-api completion zsh)"' },
  fish: { argv: ['fish', '--no-config'], line: 'llm-api completion fish | source' },
};

describe.each(Object.entries(SHELLS))('in %s', (_shell, { argv, line }) => {
  test('Tab completes commands, options and the words that they take', async () => {
    const terminal = await openShell();
    await expectCompletion(terminal, 'llm-api temp', 'llm-api templates');
    await expectCompletion(terminal, 'llm-api upgrade --che', 'llm-api upgrade --check');
    await expectCompletion(terminal, 'llm-api create --template fasta', '--template fastapi');
    await expectCompletion(terminal, 'llm-api add dock', 'llm-api add docker');
    await expectCompletion(terminal, 'llm-api help doc', 'llm-api help doctor');
  });

  /** One that has taken the line, as a person who follows `llm-api completion --help`. */
  async function openShell(): Promise<Terminal> {
    const cwd = await makeFolder();
    await mkdir(join(cwd, 'bin'));
    await symlink(binPath('llm-api'), join(cwd, 'bin/llm-api'));
    const path = `${join(cwd, 'bin')}:${process.env.PATH}`;
    const [file = '', ...args] = argv;
    const terminal = await openProgram(file, args, { cwd, env: { PATH: path, HOME: cwd } });
    terminal.type(`${line}; echo is''ready\r`);
    await terminal.waitFor('isready');
    return terminal;
  }

  async function expectCompletion(terminal: Terminal, typed: string, completed: string) {
    terminal.type(typed);
    await terminal.waitFor(typed);
    terminal.type(TAB);
    await terminal.waitFor(completed);
    expect(terminal.screen()).toContain(completed);
    terminal.type(CLEAR);
  }
});
