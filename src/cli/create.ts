import { Command, Option } from 'commander';
import { ADDONS, type AddonName } from '../core/addons.ts';
import { parseBaseUrl, parseModel } from '../core/answers.ts';
import {
  LANGUAGES,
  LAYOUTS,
  type Language,
  type Layout,
  PACKAGE_MANAGERS,
  type PackageManager,
  STACKS,
  type StackName,
} from '../core/stacks.ts';
import { oneOf, parseAddons } from './values.ts';

export interface CreateFlags {
  readonly template?: Layout | StackName;
  readonly language?: Language;
  readonly with?: readonly AddonName[];
  readonly model?: string;
  readonly baseUrl?: string;
  readonly packageManager?: PackageManager;
  /** False for `--no-key`; commander sets true otherwise. */
  readonly key?: boolean;
  readonly keyStdin?: true;
  readonly install?: boolean;
  readonly git?: boolean;
  readonly overwrite?: true;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly run?: true;
}

const EXAMPLES = `
Examples:
  npx create-llm-api                                     ask everything
  npx create-llm-api my-llm-api -t async                 FastAPI
  npx create-llm-api my-llm-api -t simple -l typescript  Express
  npx create-llm-api my-llm-api -t fastify --yes --run   Fastify, started and asked "Hello"

Exit codes: 0 done · 1 failed · 2 wrong usage · 4 an answer is missing and nobody can be asked ·
130 cancelled with Ctrl-C · 143 ended by SIGTERM`;

/** `create-llm-api [directory]`, the same as `llm-api create`. */
export function createCommand(): Command {
  const stacks = STACKS.map((stack) => stack.name);
  const managers = [...PACKAGE_MANAGERS.python, ...PACKAGE_MANAGERS.typescript];
  const option = <T>(flags: string, text: string, parse: (value: string) => T): Option =>
    new Option(flags, text).argParser(parse);
  return new Command('create')
    .description('Makes a project with a working POST /generate. Asks for what no flag answers.')
    .argument('[directory]', 'where to make it; its last part is the name of the project')
    .addOption(
      option(
        '-t, --template <name>',
        `async (production), simple (prototype), or a stack: ${stacks.join(', ')}`,
        oneOf('--template', [...LAYOUTS, ...stacks]),
      ),
    )
    .addOption(
      option(
        '-l, --language <name>',
        'python (default) or typescript',
        oneOf('--language', LANGUAGES),
      ),
    )
    .addOption(option('--with <add-ons>', `comma-separated: ${ADDONS.join(', ')}`, parseAddons))
    .addOption(option('--model <name>', 'the model (default: gpt-4o)', parseModel))
    .addOption(
      option('--base-url <url>', "an OpenAI-compatible API (default: OpenAI's)", parseBaseUrl),
    )
    .addOption(
      option(
        '-p, --package-manager <name>',
        `${managers.join(', ')} (default: what you called it with; uv, else pip, for Python)`,
        oneOf('--package-manager', managers),
      ),
    )
    .option('--no-key', 'write no API key: the built-in mock answers')
    .option('--key-stdin', 'read the API key from standard input, into .env')
    .option('--install', 'install the dependencies (default)')
    .option('--no-install', 'do not install them')
    .option('--git', 'make a git repository and a first commit (default)')
    .option('--no-git', 'do not')
    .option('--overwrite', 'write into a directory that is not empty; lists what differs first')
    .option('-y, --yes', 'ask nothing: take the default for what no flag answers')
    .option('--dry-run', 'show what would be written, write nothing')
    .option('--json', 'print one JSON document on standard output')
    .option('--run', 'run it with "llm-api dev" afterwards, and ask it "Hello"')
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string | undefined, flags: CreateFlags) => {
      const { runCreate } = await import('./run-create.ts');
      await runCreate(directory, flags);
    });
}
