import { Command, Option } from 'commander';
import { parseModel } from '../core/answers.ts';
import { usageError } from '../core/errors.ts';
import { numberWithin } from './numbers.ts';

export interface GenerateFlags {
  readonly stream?: true;
  readonly url?: string;
  readonly system?: string;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly direct?: true;
  readonly json?: true;
}

const NOTES = `
Without --url it asks the project's server: the one that "dev" or "start" runs now, else HOST and
PORT from the environment or .env, else http://127.0.0.1:8000.
--direct asks the upstream itself, with the project's OPENAI_API_KEY, OPENAI_BASE_URL and LLM_MODEL:
where that works and the server does not, the fault is not in the key.`;

export function generateCommand(): Command {
  const option = <T>(flags: string, text: string, parse: (value: string) => T): Option =>
    new Option(flags, text).argParser(parse);
  return new Command('generate')
    .description('Sends a prompt to a running server and prints the answer.')
    .argument('<prompt>', 'what to ask; - reads it from standard input')
    .option('--stream', 'print the answer as it comes (async stacks)')
    .addOption(option('--url <address>', 'ask the server at this address', parseUrl))
    .option('--system <text>', 'a system prompt (async stacks)')
    .addOption(option('--model <name>', 'the model (async stacks)', parseModel))
    .addOption(
      option(
        '--max-tokens <n>',
        'the longest answer, in tokens (async stacks)',
        numberWithin('--max-tokens', [1, Number.MAX_SAFE_INTEGER]),
      ),
    )
    .addOption(
      option(
        '--temperature <n>',
        '0 to 2 (async stacks)',
        numberWithin('--temperature', [0, 2], { fraction: true }),
      ),
    )
    .addOption(new Option('--direct', 'ask the upstream, not the server').conflicts('url'))
    .option('--json', 'print one JSON document on standard output')
    .addHelpText('after', NOTES)
    .action(async (prompt: string, flags: GenerateFlags) => {
      const { runGenerate } = await import('./run-generate.ts');
      await runGenerate(prompt, flags);
    });
}

/** The server's address, whether or not the path to ask was pasted with it. */
function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') {
    return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/generate$/, '')}`;
  }
  throw usageError(
    `--url takes the address of a server; not ${JSON.stringify(text)}.`,
    'For example: --url http://127.0.0.1:8000',
  );
}
