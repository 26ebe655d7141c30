import { Command } from 'commander';
import type { ChangeFlags } from './change-project.ts';

export interface UpgradeFlags extends ChangeFlags {
  readonly check?: true;
}

const NOTES = `
Every change of yours is kept. Where you and the templates changed the same lines, the file gets
conflict markers, is listed with its line, and everything else is done; the exit code is then 1.

Exit codes: 0 done, or up to date · 1 a conflict, failed, or --check found something to do ·
2 wrong usage · 130 cancelled with Ctrl-C, nothing was changed`;

export function upgradeCommand(): Command {
  return new Command('upgrade')
    .description("Brings a project to this version's templates, offline.")
    .argument('[directory]', 'the project, or a folder in it (default: here)')
    .option('--check', 'only say what would change: exit code 0 when up to date, else 1')
    .option('--dry-run', 'show what would change and how, change nothing')
    .option('--force', 'also where git has changes that are not committed')
    .option('--json', 'print one JSON document on standard output')
    .addHelpText('after', NOTES)
    .action(async (directory: string | undefined, flags: UpgradeFlags) => {
      const { runUpgrade } = await import('./run-upgrade.ts');
      await runUpgrade(directory, flags);
    });
}
