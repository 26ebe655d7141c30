import { type Command, CommanderError } from 'commander';
import { CliError, EXIT, usageError } from '../core/errors.ts';
import { createCommand } from './create.ts';
import { createPrinter, helpWidth, openErrorOutput, paint, writeOutput } from './print.ts';
import { VERSION } from './version.ts';

/** For what is loaded later: one class of errors, one commander, one output, for all of the bundle. */
export * from 'commander';
export * from '../core/errors.ts';
export * from './print.ts';

/** The two names that this program is installed under. */
export type BinName = 'create-llm-api' | 'llm-api';

/**
 * Runs the command line of this process to its end. Every error ends here, in one sentence and an
 * exit code; an error that is no CliError is our bug and is shown with its stack.
 */
export async function main(bin: BinName): Promise<void> {
  try {
    const program = await createProgram(bin);
    await program.parseAsync(process.argv);
  } catch (error) {
    // What was lost on its way out, the help for instance, is a failure already.
    process.exitCode = reportError(error) || process.exitCode;
  }
}

async function createProgram(bin: BinName): Promise<Command> {
  const program = bin === 'create-llm-api' ? createCommand().name(bin) : await loadToolbox();
  program.version(VERSION, '-V, --version', 'print the version');
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        writeOut: writeOutput,
        getOutHelpWidth: helpWidth,
        getOutHasColors: () => false,
        writeErr: (text) => void openErrorOutput().write(text),
        outputError: () => {},
      })
      .helpOption('-h, --help', 'print this help');
  }
  return program;
}

/** Not read by who makes a project with the other name. */
async function loadToolbox(): Promise<Command> {
  const { createToolbox } = await import('./toolbox.ts');
  return createToolbox();
}

/** @returns the exit code */
function reportError(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version were asked for and printed: nothing went wrong.
    if (error.exitCode === 0) return EXIT.done;
    // commander has printed its help where no command was given.
    if (error.code === 'commander.help') return EXIT.usage;
    return reportCliError(fromCommander(error));
  }
  if (error instanceof CliError) return reportCliError(error);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  openErrorOutput().write(
    `${text}\n\nThis is a bug in create-llm-api ${VERSION} (Node ${process.version}). ` +
      'Please report it with the lines above: npm bugs create-llm-api\n',
  );
  return EXIT.failed;
}

/** commander says `error: unknown option '--x'\n(Did you mean --y?)`. */
function fromCommander(error: CommanderError): CliError {
  const [first = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n');
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}.`.replace(/\.\.$/, '.');
  const hint = suggestion.replace(/^\((.*)\)$/, '$1') || 'Add --help for what there is.';
  return usageError(sentence, hint);
}

function reportCliError({ message, hint, exitCode, details }: CliError): number {
  if (message) {
    // Who pressed Ctrl-C has made no mistake.
    const label = exitCode === EXIT.cancelled ? '' : `${paint(openErrorOutput(), 'red', 'error')} `;
    openErrorOutput().write(`${label}${message}\n`);
    if (hint) openErrorOutput().write(`${hint}\n`);
  }
  const json = process.argv.includes('--json');
  createPrinter({ json }).json({ ...details, ok: false, exitCode, error: message, hint });
  return exitCode;
}
