import { Argument, Command } from 'commander';
import { ADDONS, type AddonName, parseAddonNames } from '../core/addons.ts';
import type { ChangeFlags } from './change-project.ts';

const NOTES = `
Add-ons: ${ADDONS.join(', ')}.

Every change of yours is kept, as with "upgrade"; the exit codes are the same.`;

/** `add` and `remove` differ in their words, and in what becomes of the names. */
function addonCommand(verb: 'add' | 'remove', description: string): Command {
  return new Command(verb)
    .description(description)
    .addArgument(
      // Each by itself, so that a typo is told with its nearest name before anything is read.
      new Argument('<add-on...>', ADDONS.join(', ')).argParser(
        (name: string, before: readonly AddonName[] = []) => [
          ...before,
          ...parseAddonNames([name]),
        ],
      ),
    )
    .option('--dry-run', 'show what would change and how, change nothing')
    .option('--force', 'also where git has changes that are not committed')
    .option('--json', 'print one JSON document on standard output')
    .addHelpText('after', NOTES)
    .action(async (names: readonly AddonName[], flags: ChangeFlags) => {
      const { runAddons } = await import('./run-addons.ts');
      await runAddons(verb, names, flags);
    });
}

export function addCommand(): Command {
  return addonCommand('add', 'Adds add-ons to the project here.');
}

export function removeCommand(): Command {
  return addonCommand('remove', 'Takes add-ons out of the project here again.');
}
