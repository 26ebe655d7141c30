import { Command, Option } from 'commander';
import { FAULTS, type Fault } from '../mock/faults.ts';
import { numberWithin, port } from './numbers.ts';
import { oneOf } from './values.ts';

export interface MockFlags {
  readonly port: number;
  readonly host: string;
  readonly fault?: Fault;
  readonly ttft?: number;
  readonly tps?: number;
  readonly tokens?: number;
  readonly retryAfter?: number;
}

const DEFAULT_PORT = 4010;
const ANY = Number.MAX_SAFE_INTEGER;

export function mockCommand(): Command {
  const option = <T>(flags: string, text: string, parse: (value: string) => T): Option =>
    new Option(flags, text).argParser(parse);
  return new Command('mock')
    .description('Runs an upstream that speaks the protocol of OpenAI and needs no key.')
    .addOption(option('-p, --port <port>', 'listen on this port', port).default(DEFAULT_PORT))
    .addOption(new Option('--host <address>', 'listen on this address').default('127.0.0.1'))
    .addOption(
      option(
        '--fault <name>',
        'what goes wrong with every request (see below)',
        oneOf(
          '--fault',
          FAULTS.map(({ name }) => name),
        ),
      ),
    )
    .addOption(
      option('--ttft <ms>', 'wait before the first token', numberWithin('--ttft', [0, 3_600_000])),
    )
    .addOption(
      option(
        '--tps <n>',
        'tokens a second in a stream (default: all at once)',
        numberWithin('--tps', [0, ANY], { fraction: true }),
      ),
    )
    .addOption(
      option(
        '--tokens <n>',
        'tokens in each answer (default: some 30)',
        numberWithin('--tokens', [1, 1_000_000]),
      ),
    )
    .addOption(
      option(
        '--retry-after <s>',
        'what a rate-limited answer asks for',
        numberWithin('--retry-after', [0, ANY]),
      ),
    )
    .addHelpText('after', `\n${faultsHelp()}`)
    .action(async (flags: MockFlags) => {
      const { runMock } = await import('./run-mock.ts');
      await runMock(flags);
    });
}

function faultsHelp(): string {
  const width = Math.max(...FAULTS.map(({ name }) => name.length));
  const lines = FAULTS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Faults, for every request with --fault, or for one with the model "mock-<fault>":',
    ...lines,
  ].join('\n');
}
