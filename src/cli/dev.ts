import { Command, Option } from 'commander';
import { port } from './numbers.ts';

export interface DevFlags {
  readonly port?: number;
  readonly host?: string;
  readonly mock?: true;
  readonly ask?: string;
}

const NOTES = `
Without OPENAI_API_KEY, in the environment or in .env, a built-in mock answers, and says so.
Where neither --port nor PORT asks for a port, the first free one from 8000 is taken.

Ctrl-C ends the server and all that it started; a second one does not wait.
Exit codes: 0 ended by Ctrl-C, SIGTERM or the closing of the terminal · 1 the server ended by
itself, or had to be killed · 2 wrong usage · 130 a second Ctrl-C`;

export function devCommand(): Command {
  return new Command('dev')
    .description("Runs the project's server, and again whenever a file changes.")
    .argument('[directory]', 'the project, or a folder inside it (default: this one)')
    .addOption(new Option('-p, --port <port>', 'listen on this port').argParser(port))
    .option('--host <address>', 'listen on this address (default: HOST, else 127.0.0.1)')
    .option('--mock', 'let the built-in mock answer, even where there is a key')
    .option(
      '--ask <prompt>',
      'send this prompt once the server is ready, and print the answer, or why there is none',
    )
    .addHelpText('after', NOTES)
    .action(async (directory: string | undefined, flags: DevFlags) => {
      const { runDev } = await import('./run-dev.ts');
      await runDev(directory, flags);
    });
}
