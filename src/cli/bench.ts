import { Command, Option } from 'commander';
import { usageError } from '../core/errors.ts';
import { numberWithin } from './numbers.ts';

export interface BenchFlags {
  readonly connections?: number;
  readonly rate?: number;
  readonly duration: number;
  readonly warmup: number;
  readonly timeout: number;
  readonly stream?: true;
  readonly prompt: string;
  readonly body?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly keyStdin?: true;
  readonly ttft?: number;
  readonly tps?: number;
  readonly html?: string;
  readonly json?: true;
}

const NOTES = `
Without a URL it starts the project that it is called in as "start" does, with the limits out of the
way, and the mock behind it; says what the mock alone can do; and ends both.

A caller's key is read from LLM_API_KEY in the environment, or with --key-stdin: never from an
argument, which everyone on this machine could read.

Exit codes: 0 measured · 1 nobody listens there, or no answer came · 2 wrong usage · 130 cancelled
with Ctrl-C`;

export function benchCommand(): Command {
  const option = <T>(flags: string, text: string, parse: (value: string) => T): Option =>
    new Option(flags, text).argParser(parse);
  const seconds = (flag: string, min: number) =>
    numberWithin(flag, [min, 86_400], { fraction: true });
  return new Command('bench')
    .description('Measures a server: requests a second, and how long they take.')
    .argument('[url]', 'the server; /generate is asked where it has no path')
    .addOption(
      option(
        '-c, --connections <n>',
        'requests that are under way at once (default: 64); with --rate at most (1024)',
        numberWithin('--connections', [1, 60_000]),
      ),
    )
    .addOption(
      option(
        '-r, --rate <n>',
        'begin so many a second, however long answers take',
        numberWithin('--rate', [0.1, 1_000_000], { fraction: true }),
      ),
    )
    .addOption(
      option('-d, --duration <s>', 'seconds that are measured', seconds('--duration', 0.1)).default(
        10,
      ),
    )
    .addOption(
      option(
        '--warmup <s>',
        'seconds before that, which do not count',
        seconds('--warmup', 0),
      ).default(3),
    )
    .addOption(
      option(
        '--timeout <s>',
        'seconds until an answer is given up',
        seconds('--timeout', 0.1),
      ).default(60),
    )
    .option('--stream', 'ask for streams; times to the first token and between tokens')
    .addOption(new Option('--prompt <text>', 'what to ask').default('Hello'))
    .addOption(
      option('--body <json>', 'send this instead, to servers of other kinds', parseBody).conflicts(
        'prompt',
      ),
    )
    .addOption(
      new Option('-H, --header <line>', 'send this header too; may be repeated').argParser(
        (line: string, before: BenchFlags['header'] = []) => [...before, parseHeader(line)],
      ),
    )
    .option('--key-stdin', 'read the key to call with from standard input')
    .addOption(
      option(
        '--ttft <ms>',
        "the mock's time to the first token (default: 0)",
        numberWithin('--ttft', [0, 3_600_000]),
      ),
    )
    .addOption(
      option(
        '--tps <n>',
        "the mock's tokens a second in a stream (default: all at once)",
        numberWithin('--tps', [0, 1_000_000], { fraction: true }),
      ),
    )
    .option('--html <file>', 'write a page with charts, too')
    .option('--json', 'print one JSON document on standard output')
    .addHelpText('after', NOTES)
    .action(async (url: string | undefined, flags: BenchFlags) => {
      const { runBench } = await import('./run-bench.ts');
      await runBench(url, flags);
    });
}

function parseBody(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw usageError('--body is not JSON.', `For example: --body '{"prompt":"Hello"}'`);
  }
}

/** Whom the request goes to and how long it is follow from the rest. */
const OURS = ['host', 'content-length', 'transfer-encoding', 'connection'];

function parseHeader(line: string): readonly [string, string] {
  // The line is not repeated: it may well hold a secret.
  const [, name, value] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw usageError('--header is not a header.', "For example: --header 'X-Tenant: acme'");
  }
  if (OURS.includes(name.toLowerCase())) throw usageError(`--header cannot set ${name}.`);
  if (name.toLowerCase() !== 'authorization') return [name, value];
  throw usageError(
    '--header does not take Authorization: everyone on this machine can read arguments.',
    'Pass the key in LLM_API_KEY, or with --key-stdin.',
  );
}
