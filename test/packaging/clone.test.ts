import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { plainEnvironment, ROOT } from '../harness/cli.ts';
import { makeFileFolder } from '../harness/folder.ts';
import { isAlive, waitFor } from '../harness/wait.ts';

const MINUTES = 60_000;
const folder = makeFileFolder();

/** What git would clone, with what is not committed yet. */
beforeAll(async () => {
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  for (const path of new Set(listed.split('\0').filter(Boolean))) {
    await mkdir(dirname(join(folder(), path)), { recursive: true });
    await cp(join(ROOT, path), join(folder(), path)).catch(ignoreMissing);
  }
  // A clone is a work tree: no second repository may be made inside it.
  execFileSync('git', ['init', '--quiet'], { cwd: folder() });
});

/** A file that was removed and not committed yet is still listed. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

interface Running {
  readonly child: ChildProcess;
  output(): string;
  waitForWords(words: RegExp, timeout: number): Promise<void>;
  /** Ctrl-C, as a terminal sends it: to everyone in the foreground. */
  interrupt(): Promise<void>;
}

function npmStart(...flags: string[]): Running {
  const child = spawn('npm', ['start', ...flags], {
    cwd: folder(),
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const group = -(child.pid as number);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let ended = false;
  const end = new Promise<void>((resolve) => {
    child.on('close', () => {
      ended = true;
      resolve();
    });
  });
  onTestFinished(() => {
    if (isAlive(group)) process.kill(group, 'SIGKILL');
  });
  return {
    child,
    output: () => output,
    waitForWords: async (words, timeout) => {
      await waitFor(() => words.test(output) || ended, timeout).catch(() => {});
      expect(output).toMatch(words);
    },
    interrupt: async () => {
      process.kill(group, 'SIGINT');
      await end;
      // Every process of the group, not npm alone.
      await waitFor(() => !isAlive(group));
    },
  };
}

describe('a fresh clone', () => {
  test('npm start gets from nothing to an answer, stays up, and ends with Ctrl-C', {
    timeout: 4 * MINUTES,
  }, async () => {
    const first = npmStart();
    await first.waitForWords(/> Hello\n.*built-in mock/, 3 * MINUTES);
    const address = /address +(http:\S+)/.exec(first.output())?.[1];
    const answer = await fetch(`${address}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ prompt: 'Still there?' }),
    });
    expect(await answer.json()).toMatchObject({ text: expect.stringContaining('Still there?') });
    await first.interrupt();

    const second = npmStart('--', '--template', 'express');
    await second.waitForWords(/> Hello\n/, MINUTES);
    expect(second.output()).toContain(
      'Found ./my-llm-api, starting it.\nIgnored: --template express. For a new project, delete ./my-llm-api',
    );
    expect(second.output()).not.toContain('Installing');
    await second.interrupt();
  });
});
