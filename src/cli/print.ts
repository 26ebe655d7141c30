import { styleText } from 'node:util';

/** A machine that builds and tests, as they all say it: nobody looks, nobody can be asked. */
export function isCi({ CI }: NodeJS.ProcessEnv): boolean {
  return CI !== undefined && !['', '0', 'false'].includes(CI);
}

/**
 * Standard error, which takes as long to open as a small command takes to run: only who writes there
 * does. Nobody may read any more (a closed terminal): no reason to complain, or to stop before what
 * was started has been ended.
 */
export function openErrorOutput(): NodeJS.WriteStream {
  const stream = process.stderr;
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  return stream;
}

function ignore(): void {}

type Format = Parameters<typeof styleText>[0];

/** Text for people, in colour where the stream shows it (NO_COLOR and pipes are respected). */
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
    say: json ? note : (text) => void process.stdout.write(`${text}\n`),
    note,
    json: (document) => {
      if (json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
  };
}
