import { Command } from 'commander';
import { addCommand, removeCommand } from './add.ts';
import { benchCommand } from './bench.ts';
import { completionCommand } from './completion.ts';
import { createCommand } from './create.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { generateCommand } from './generate.ts';
import { helpCommand } from './help.ts';
import { mockCommand } from './mock.ts';
import { startCommand } from './start.ts';
import { templatesCommand } from './templates.ts';
import { upgradeCommand } from './upgrade.ts';

/** `llm-api`: every command there is. */
export function createToolbox(): Command {
  const program: Command = new Command('llm-api');
  return program
    .description('Makes and runs LLM API projects.')
    .helpCommand(false)
    .addCommand(createCommand())
    .addCommand(devCommand())
    .addCommand(startCommand())
    .addCommand(mockCommand())
    .addCommand(generateCommand())
    .addCommand(benchCommand())
    .addCommand(doctorCommand())
    .addCommand(upgradeCommand())
    .addCommand(addCommand())
    .addCommand(removeCommand())
    .addCommand(templatesCommand())
    .addCommand(completionCommand(() => program))
    .addCommand(helpCommand(() => program));
}
