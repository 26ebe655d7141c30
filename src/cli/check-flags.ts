import { basename, resolve } from 'node:path';
import { nameProblem } from '../core/answers.ts';
import { CliError, EXIT, usageError } from '../core/errors.ts';
import { readOccupancy } from '../effects/project.ts';
import type { CreateFlags } from './create.ts';

/** Flags that contradict each other. */
export function checkFlags({ run, json, install, dryRun, key, keyStdin }: CreateFlags): void {
  if (run && json) throw usageError('--run and --json do not go together.', 'Drop one of them.');
  if (run && dryRun) throw usageError('--run and --dry-run do not go together.', 'Drop one.');
  if (run && install === false) {
    throw usageError('--run needs the dependencies installed.', 'Drop --no-install.');
  }
  if (keyStdin && key === false) {
    throw usageError('--key-stdin and --no-key do not go together.', 'Drop one of them.');
  }
}

/** What has to be given where nobody can be asked. */
export function checkMissing(directory: string | undefined, flags: CreateFlags): void {
  const missing = [
    ...(directory === undefined ? ['[directory]'] : []),
    ...(flags.template === undefined ? ['--template'] : []),
  ];
  if (missing.length === 0) return;
  throw new CliError(`Not answered, and no terminal to ask in: ${missing.join(', ')}.`, {
    exitCode: EXIT.missingAnswer,
    hint: 'Pass it, or --yes to take the defaults. For example: create-llm-api my-llm-api --template async',
  });
}

export const OCCUPIED_HINT =
  'Choose another directory, or pass --overwrite to write into this one.';

/** What is wrong with a directory, as one sentence. */
export function checkDirectory(flags: CreateFlags) {
  return async (typed: string): Promise<string | undefined> => {
    const directory = resolve(typed);
    const problem = nameProblem(basename(directory));
    if (problem) return `The project name ${problem}.`;
    const occupancy = await readOccupancy(directory);
    if (occupancy === 'file') return `${directory} is a file.`;
    if (occupancy !== 'occupied' || flags.overwrite || flags.dryRun) return undefined;
    return `${directory} is not empty.`;
  };
}
