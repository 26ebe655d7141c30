import { Command, Option } from 'commander';
import { usageError } from '../core/errors.ts';
import { LAYOUTS, STACKS, type StackName, stackOf } from '../core/stacks.ts';
import { numberWithin } from './numbers.ts';
import { oneOf } from './values.ts';

export const DEFAULT_PROMPT = 'Hello';
/** Seconds. */
export const DEFAULT_TIMEOUT = 60;

export interface BenchFlags {
  /** One, or with --compare any number. */
  readonly connections?: readonly number[];
  readonly rate?: number;
  readonly duration?: number;
  readonly warmup?: number;
  readonly timeout: number;
  readonly stream?: true;
  readonly prompt: string;
  readonly body?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly keyStdin?: true;
  readonly keyHeader?: string;
  /** One, or with --compare any number. */
  readonly ttft?: readonly number[];
  readonly tps?: number;
  readonly tokens?: number;
  readonly compare?: readonly StackName[];
  readonly html?: string;
  readonly json?: true;
}

const NOTES = `
Without a URL it starts the project that it is called in as "start" does, with the limits out of the
way, and the mock behind it; says what the mock alone can do; and ends both.

--compare takes lists for --connections (default: 1,16,64,256) and --ttft (default: 0,200,1000). It
works in a temporary folder, which it removes.

A caller's key is read from LLM_API_KEY in the environment, or with --key-stdin: never from an
argument, which everyone on this machine could read. It is sent as Authorization: Bearer, or as it is
in the header that --key-header names, such as x-api-key or cookie.

Examples:
  llm-api bench http://127.0.0.1:8000 --stream    any server
  llm-api bench --ttft 200 --html report.html     the project here
  llm-api bench --compare async,simple            which layout do I need?

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
        'requests under way at once (default: 64); with --rate at most (1024)',
        listOf(numberWithin('--connections', [1, 60_000])),
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
      option(
        '-d, --duration <s>',
        'seconds that are measured (default: 10; with --compare 5)',
        seconds('--duration', 0.1),
      ),
    )
    .addOption(
      option(
        '--warmup <s>',
        'seconds before that, which do not count (default: 3)',
        seconds('--warmup', 0),
      ),
    )
    .addOption(
      option(
        '--timeout <s>',
        'seconds until an answer is given up',
        seconds('--timeout', 0.1),
      ).default(DEFAULT_TIMEOUT),
    )
    .option('--stream', 'ask for streams; times to the first token and between tokens')
    .addOption(new Option('--prompt <text>', 'what to ask').default(DEFAULT_PROMPT))
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
      option('--key-header <name>', 'send the key in this header, as it is', parseHeaderName),
    )
    .addOption(
      option(
        '--ttft <ms>',
        "the mock's time to the first token (default: 0)",
        listOf(numberWithin('--ttft', [0, 3_600_000])),
      ),
    )
    .addOption(
      option(
        '--tps <n>',
        "the mock's tokens a second in a stream (default: all at once)",
        numberWithin('--tps', [0, 1_000_000], { fraction: true }),
      ),
    )
    .addOption(
      option(
        '--tokens <n>',
        "tokens in each of the mock's answers (default: some 30)",
        numberWithin('--tokens', [1, 1_000_000]),
      ),
    )
    .addOption(
      option(
        '--compare <stacks>',
        'make these and measure each: async and simple (FastAPI, Flask), or any stacks',
        parseStacks,
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

/** Commas between them; the same twice is once. */
function listOf(parse: (text: string) => number) {
  return (text: string): readonly number[] => [...new Set(text.split(',').map(parse))];
}

function parseStacks(text: string): readonly StackName[] {
  const names = STACKS.map(({ name }) => name);
  const parse = oneOf('--compare', [...LAYOUTS, ...names]);
  const stacks = text.split(',').map((word) => {
    const name = parse(word.trim());
    return name === 'async' || name === 'simple' ? stackOf(name, 'python') : name;
  });
  if (new Set(stacks).size === stacks.length && stacks.length > 1) return stacks;
  throw usageError(
    '--compare takes two or more different stacks.',
    'For example: --compare async,simple',
  );
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

/** What these carry lets its reader in. */
const SECRET = /^(proxy-)?authorization$|(cookie|api-?key|subscription-key|token|secret)$/i;

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

function parseHeader(line: string): readonly [string, string] {
  // The line is not repeated: it may well hold a secret.
  const [, name = '', value] = /^([^:]*):[ \t]*([\t\x20-\x7e]*)$/.exec(line) ?? [];
  if (!NAME.test(name) || value === undefined) {
    throw usageError('--header is not a header.', "For example: --header 'X-Tenant: acme'");
  }
  checkNotOurs('--header', name);
  if (!SECRET.test(name)) return [name, value];
  const way = 'Pass the key in LLM_API_KEY, or with --key-stdin';
  throw usageError(
    `--header does not take ${name}: everyone on this machine can read arguments.`,
    name.toLowerCase() === 'authorization' ? `${way}.` : `${way}, and add --key-header ${name}.`,
  );
}

function parseHeaderName(name: string): string {
  if (!NAME.test(name)) {
    throw usageError(
      '--key-header is not the name of a header.',
      'Example: --key-header x-api-key',
    );
  }
  checkNotOurs('--key-header', name);
  return name;
}

function checkNotOurs(flag: string, name: string): void {
  if (OURS.includes(name.toLowerCase())) throw usageError(`${flag} cannot set ${name}.`);
}
