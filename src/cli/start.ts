import { Command, Option } from 'commander';
import { numberWithin, port } from './numbers.ts';

export interface StartFlags {
  readonly port?: number;
  readonly host?: string;
  readonly workers?: number;
}

const NOTES = `
Builds the project first where there is something to build, and sets APP_ENV=production unless the
environment sets it. SIGTERM and Ctrl-C are handed on to the server, which ends the requests it has
within DRAIN_TIMEOUT (30 s); a second Ctrl-C does not wait.
Exit codes: 0 ended by a signal, in time · 130 a second Ctrl-C · else the server's own, 1 where it
did not start or had to be killed`;

export function startCommand(): Command {
  return new Command('start')
    .description("Runs the project's server as in production.")
    .argument('[directory]', 'the project, or a folder inside it (default: this one)')
    .addOption(
      new Option('-p, --port <port>', 'listen on this port (default: PORT, else 8000)').argParser(
        port,
      ),
    )
    .option('--host <address>', 'listen on this address (default: HOST, else 127.0.0.1)')
    .addOption(
      new Option(
        '-w, --workers <n>',
        'this many processes (async stacks; default: WORKERS, else 1)',
      ).argParser(numberWithin('--workers', [1, 64])),
    )
    .addHelpText('after', NOTES)
    .action(async (directory: string | undefined, flags: StartFlags) => {
      const { runStart } = await import('./run-start.ts');
      await runStart(directory, flags);
    });
}
