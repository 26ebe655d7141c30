import { basename, resolve } from 'node:path';
import {
  type Answers,
  DEFAULT_BASE_URL,
  DEFAULT_DIRECTORY,
  DEFAULT_MODEL,
  keyProblem,
  parseKey,
  parseName,
} from '../core/answers.ts';
import { CliError } from '../core/errors.ts';
import { languageOf } from '../core/stacks.ts';
import type { Asker } from '../effects/ask.ts';
import type { GitState } from '../effects/git.ts';
import { choosePackageManager } from '../effects/package-manager.ts';
import { checkDirectory, checkFlags, checkMissing, OCCUPIED_HINT } from './check-flags.ts';
import { chooseAddons } from './choose-addons.ts';
import { chooseStack } from './choose-stack.ts';
import type { CreateFlags } from './create.ts';
import { withInterrupt } from './interrupt.ts';

/** Everything that `create` has to know; nothing of it is asked again. */
export interface Request {
  /** Absolute. */
  readonly directory: string;
  readonly answers: Answers;
  /** Goes into `.env` and nowhere else. */
  readonly key: string | undefined;
  readonly install: boolean;
  readonly git: boolean;
  readonly gitState: GitState;
}

/**
 * Flags, then questions for what no flag answered, in the order directory, layout, language,
 * add-ons, key, install, git.
 *
 * @param asker undefined where nobody can be asked
 * @throws CliError 2 for a bad value, 4 for a missing one with nobody to ask, 130 for Ctrl-C
 */
export async function collectAnswers(
  typedDirectory: string | undefined,
  flags: CreateFlags,
  asker: Asker | undefined,
): Promise<Request> {
  checkFlags(flags);
  const ask = flags.yes ? undefined : asker;
  if (!ask && !flags.yes) checkMissing(typedDirectory, flags);

  const typed =
    typedDirectory ??
    (await ask?.text('Where should the project go?', DEFAULT_DIRECTORY, checkDirectory(flags)));
  const directory = resolve(typed ?? DEFAULT_DIRECTORY);
  const name = typed === '' ? parseName('') : parseName(basename(directory));
  const problem = await checkDirectory(flags)(directory);
  if (problem) throw new CliError(problem, { hint: OCCUPIED_HINT });

  const stack = await chooseStack(flags, ask);
  const addons = await chooseAddons(stack, flags.with, ask);
  const packageManager = await choosePackageManager(languageOf(stack), flags.packageManager);
  const key = await chooseKey(flags, ask);
  const install = flags.install ?? (await ask?.confirm('Install the dependencies?', true)) ?? true;
  const gitState = flags.git === false ? 'ready' : await askGit(directory);
  const git = await chooseGit(flags, gitState, ask);
  return {
    directory,
    answers: {
      name,
      stack,
      addons,
      model: flags.model ?? DEFAULT_MODEL,
      baseUrl: flags.baseUrl ?? DEFAULT_BASE_URL,
      packageManager,
    },
    key,
    install,
    git,
    gitState,
  };
}

async function chooseKey(flags: CreateFlags, ask: Asker | undefined): Promise<string | undefined> {
  if (flags.keyStdin) {
    const { readKeyFromInput } = await import('./read-key.ts');
    return parseKey(await withInterrupt(readKeyFromInput));
  }
  // A key in the environment is found there by the server too: it need not be written anywhere.
  if (!ask || flags.key === false || process.env.OPENAI_API_KEY) return undefined;
  const how = await ask.choice('OpenAI API key?', [
    { value: 'skip', name: 'Skip, use the mock', description: 'Add one to .env at any time.' },
    { value: 'type', name: 'Enter a key', description: 'Written to .env, which git ignores.' },
  ] as const);
  return how === 'skip' ? undefined : await ask.secret('Key:', keyProblem);
}

/** Loaded here because it starts processes, which --no-git never does. */
async function askGit(directory: string): Promise<GitState> {
  const { readGitState } = await import('../effects/git.ts');
  return readGitState(directory);
}

/** Asked only where there is something to decide. */
async function chooseGit(
  flags: CreateFlags,
  state: GitState,
  ask: Asker | undefined,
): Promise<boolean> {
  if (flags.git === false) return false;
  if (state === 'inside-work-tree') return false;
  if (flags.git) return true;
  if (state !== 'ready') return false;
  return (await ask?.confirm('Make a git repository?', true)) ?? true;
}
