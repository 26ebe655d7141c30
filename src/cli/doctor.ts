import { Command } from 'commander';

export interface DoctorFlags {
  readonly json?: true;
}

const NOTES = `
Looks only, and changes nothing. With a key it asks the provider for its list of models, which costs
nothing. What you changed in the project's files is listed, and never bad.
Exit codes: 0 nothing is bad · 1 something is, or there is no project`;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Looks at a project and this machine: what is wrong, and what mends it.')
    .argument('[directory]', 'the project, or a folder inside it (default: this one)')
    .option('--json', 'print one JSON document on standard output')
    .addHelpText('after', NOTES)
    .action(async (directory: string | undefined, flags: DoctorFlags) => {
      const { runDoctor } = await import('./run-doctor.ts');
      await runDoctor(directory, flags);
    });
}
