import { spawn } from '@lydell/node-pty';
import headless from '@xterm/headless';
import { onTestFinished } from 'vitest';
import { type Bin, binPath, plainEnvironment } from './cli.ts';
import { waitFor } from './wait.ts';

/** A real pseudo-terminal with a program in it, and what a person would see there. */
export interface Terminal {
  type(keys: string): void;
  /** Until the words are on the screen. */
  waitFor(words: string): Promise<void>;
  screen(): string;
  /** Every byte that came, with escape sequences. */
  everything(): string;
  cursorHidden(): boolean;
  readonly exit: Promise<number>;
}

interface Place {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function openTerminal(bin: Bin, args: readonly string[], place: Place): Promise<Terminal> {
  return openProgram(process.execPath, [binPath(bin), ...args], place);
}

export async function openProgram(
  file: string,
  args: readonly string[],
  { cwd, env = {} }: Place,
): Promise<Terminal> {
  const size = { cols: 120, rows: 50 };
  const view = new headless.Terminal({ ...size, allowProposedApi: true });
  const child = spawn(file, [...args], {
    ...size,
    cwd,
    name: 'xterm-256color',
    env: plainEnvironment({ TERM: 'xterm-256color', ...env }),
  });
  let bytes = '';
  let drawn = Promise.resolve();
  child.onData((data) => {
    bytes += data;
    drawn = new Promise((resolve) => view.write(data, resolve));
  });
  let ended = false;
  const exit = new Promise<number>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      ended = true;
      void drawn.then(() => resolve(signal ? 128 + signal : exitCode));
    });
  });
  onTestFinished(() => {
    if (!ended) child.kill('SIGKILL');
    view.dispose();
  });
  const screen = (): string => {
    const { buffer } = view;
    const lines = Array.from({ length: buffer.active.length }, (_, row) =>
      buffer.active.getLine(row)?.translateToString(true),
    );
    return lines.join('\n').trimEnd();
  };
  return {
    type: (keys) => child.write(keys),
    waitFor: async (words) => {
      await waitFor(() => screen().includes(words) || ended).catch(() => {});
      if (!screen().includes(words)) throw new Error(`"${words}" is not on:\n${screen()}`);
    },
    screen,
    everything: () => bytes,
    cursorHidden: () => bytes.lastIndexOf('\x1b[?25l') > bytes.lastIndexOf('\x1b[?25h'),
    exit,
  };
}
