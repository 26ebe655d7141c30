import { Argument, Command } from 'commander';
import { SHELLS, type Shell } from '../core/completion.ts';
import { oneOf } from './values.ts';

const NOTES = `
Takes effect in the shell that reads it; put the line into its start-up file to keep it:
  bash  ~/.bashrc                   eval "$(llm-api completion bash)"
  zsh   ~/.zshrc                    eval "$(llm-api completion zsh)"
  fish  ~/.config/fish/config.fish  llm-api completion fish | source`;

/** @param program what is completed; this command becomes a part of it */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('Prints what completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', SHELLS.join(', ')).argParser(oneOf('<shell>', SHELLS)))
    .addHelpText('after', NOTES)
    .action(async (shell: Shell) => {
      const { runCompletion } = await import('./run-completion.ts');
      runCompletion(shell, program());
    });
}
