import { Command } from 'commander';
import { usageError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';

/** commander's own shows all there is for a name that there is not, and calls that success. */
export function helpCommand(program: () => Command): Command {
  return new Command('help')
    .description('Prints the help of a command.')
    .argument('[command]')
    .action((name: string | undefined) => {
      const { commands } = program();
      const found = name === undefined ? program() : commands.find((one) => one.name() === name);
      if (found) return found.outputHelp();
      const near = nearest(
        name ?? '',
        commands.map((one) => one.name()),
      );
      throw usageError(
        `Unknown command '${name}'.`,
        near ? `Did you mean ${near}?` : 'Add --help for what there is.',
      );
    });
}
