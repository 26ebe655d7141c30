import type { Command, Option } from 'commander';
import { ADDONS } from '../core/addons.ts';
import {
  type CompletableCommand,
  formatCompletion,
  SHELLS,
  type Shell,
} from '../core/completion.ts';
import { LANGUAGES, LAYOUTS, PACKAGE_MANAGERS, STACKS } from '../core/stacks.ts';
import { FAULTS } from '../mock/index.ts';
import { writeOutput } from './print.ts';

const STACK_NAMES = STACKS.map(({ name }) => name);

/** What an option takes where that is one of a few words. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--template': [...LAYOUTS, ...STACK_NAMES],
  '--language': LANGUAGES,
  '--with': ADDONS,
  '--package-manager': Object.values(PACKAGE_MANAGERS).flat(),
  '--fault': FAULTS.map(({ name }) => name),
  '--compare': [...LAYOUTS, ...STACK_NAMES],
};

export function runCompletion(shell: Shell, program: Command): void {
  const help = program.commands.map((command) => command.name());
  const words = { add: ADDONS, remove: ADDONS, completion: SHELLS, help };
  const commands = program.commands.map((command) => describe(command, words));
  writeOutput(formatCompletion(shell, commands));
}

function describe(
  command: Command,
  words: Readonly<Record<string, readonly string[]>>,
): CompletableCommand {
  const name = command.name();
  const options = command.createHelp().visibleOptions(command);
  return {
    name,
    description: command.description(),
    options: options.map(describeOption),
    words: words[name] ?? [],
  };
}

function describeOption({ short, long, description, required, optional }: Option) {
  return {
    flags: [short, long].flatMap((flag) => flag ?? []),
    description,
    takesValue: required || optional,
    words: VALUES[long ?? ''] ?? [],
  };
}
