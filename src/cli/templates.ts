import { Command } from 'commander';

export interface TemplatesFlags {
  readonly json?: true;
}

export function templatesCommand(): Command {
  return new Command('templates')
    .description('Lists the stacks that a project can be made of.')
    .option('--json', 'print one JSON document on standard output')
    .action(async (flags: TemplatesFlags) => {
      const { runTemplates } = await import('./run-templates.ts');
      await runTemplates(flags);
    });
}
