import { fstatSync, writeSync } from 'node:fs';
import { styleText } from 'node:util';

/** A machine that builds and tests, as they all say it: nobody looks, nobody can be asked. */
export function isCi({ CI }: NodeJS.ProcessEnv): boolean {
  return CI !== undefined && !['', '0', 'false'].includes(CI);
}

/**
 * Standard error, which takes as long to open as a small command takes to run: only who writes there
 * does.
 */
export function openErrorOutput(): NodeJS.WriteStream {
  return tolerate(process.stderr, ignore);
}

let isOutputOpen = false;

/** Standard output, as slow to open: for who writes bit by bit. `writeOutput` is for all others. */
export function openOutput(): NodeJS.WriteStream {
  isOutputOpen = true;
  return tolerate(process.stdout, loseOutput);
}

/** Writes to standard output; where that is a pipe or a file, without a stream. */
export function writeOutput(text: string): void {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0 && isDirect()) rest = rest.subarray(writeSync(STDOUT, rest));
  } catch (error) {
    // A pipe that is full is waited for by the stream.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
      loseOutput(error as Error);
      return;
    }
  }
  if (rest.length > 0) openOutput().write(rest);
}

const STDOUT = 1;

/** What the stream has begun it goes on with; on Windows a terminal takes no bytes as they are. */
function isDirect(): boolean {
  if (isOutputOpen || process.platform === 'win32') return false;
  return !fstatSync(STDOUT).isCharacterDevice();
}

/** Whether standard output is a terminal. */
export function hasTerminal(): boolean {
  return !isDirect() && openOutput().isTTY === true;
}

/** How wide a help may be. */
export function helpWidth(): number {
  return hasTerminal() ? openOutput().columns : 80;
}

/** What went wrong with a stream is told once, and nothing that was started is left because of it. */
function tolerate(
  stream: NodeJS.WriteStream,
  hear: (error: NodeJS.ErrnoException) => void,
): NodeJS.WriteStream {
  if (!stream.listeners('error').includes(hear)) stream.on('error', hear);
  return stream;
}

function ignore(): void {}

let isOutputLost = false;

/**
 * Who asked for a result and did not get it has to hear so. Nobody may read any more (a closed
 * terminal, `--help | head`): no reason to complain.
 */
function loseOutput({ code }: NodeJS.ErrnoException): void {
  if (isOutputLost) return;
  isOutputLost = true;
  if (code === 'EPIPE' || process.stdout.isTTY) return;
  const stream = openErrorOutput();
  stream.write(`${paint(stream, 'red', 'error')} Standard output cannot be written (${code}).\n`);
  stream.write('Make room there, or send it elsewhere, and run the command again.\n');
  process.exitCode ||= 1;
}

type Format = Parameters<typeof styleText>[0];

/** Text for people, on standard output. */
export function paintOutput(format: Format, text: string): string {
  return hasTerminal() ? paint(openOutput(), format, text) : text;
}

/** In colour where the stream shows it (NO_COLOR and pipes are respected). */
export function paint(stream: NodeJS.WriteStream, format: Format, text: string): string {
  return stream.isTTY && stream.hasColors() ? styleText(format, text) : text;
}

/**
 * Where a command's words go: results to standard output, progress and complaints to standard
 * error. With `--json` standard output holds one document and nothing else.
 */
export interface Printer {
  readonly say: (text: string) => void;
  readonly note: (text: string) => void;
  readonly json: (document: unknown) => void;
}

export function createPrinter({ json = false }: { readonly json?: boolean } = {}): Printer {
  const note = (text: string): void => void openErrorOutput().write(`${text}\n`);
  return {
    say: json ? note : (text) => writeOutput(`${text}\n`),
    note,
    json: (document) => {
      if (json) writeOutput(`${JSON.stringify(document, null, 2)}\n`);
    },
  };
}
