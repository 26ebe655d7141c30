import { Argument, Command } from 'commander';
import { ADDONS, type AddonName, parseAddonNames } from '../core/addons.ts';
import { STACKS } from '../core/stacks.ts';
import { readAddonManifests } from '../effects/read-addons.ts';
import type { ChangeFlags } from './change-project.ts';
import { helpWidth } from './print.ts';

/** What each is, and for which stacks; read only where it is shown. */
function formatNotes({ command }: { readonly command: Command }): string {
  const help = command.createHelp();
  help.prepareContext({ helpWidth: helpWidth() });
  const width = Math.max(...ADDONS.map((name) => name.length));
  const lines = readAddonManifests().map(({ name, manifest: { summary, layouts } }) => {
    const stacks = STACKS.filter(({ layout }) => layouts.includes(layout));
    const fitting =
      stacks.length === STACKS.length
        ? 'every stack'
        : stacks.map((stack) => stack.name).join(', ');
    return help.formatItem(name, width, `${summary.replace(/\.$/, '')} (${fitting})`, help);
  });
  return `
Add-ons:
${lines.join('\n')}

Every change of yours is kept, as with "upgrade"; the exit codes are the same.`;
}

/** `add` and `remove` differ in their words, and in what becomes of the names. */
function addonCommand(verb: 'add' | 'remove', description: string): Command {
  return new Command(verb)
    .description(description)
    .addArgument(
      // Each by itself, so that a typo is told with its nearest name before anything is read.
      new Argument('<add-on...>', 'one or more of those below').argParser(
        (name: string, before: readonly AddonName[] = []) => [
          ...before,
          ...parseAddonNames([name]),
        ],
      ),
    )
    .option('--dry-run', 'show what would change and how, change nothing')
    .option('--force', 'also where git has changes that are not committed')
    .option('--json', 'print one JSON document on standard output')
    .addHelpText('after', formatNotes)
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
