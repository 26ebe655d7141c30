import { spawnSync } from 'node:child_process';

/** What a program printed, given `input`; its complaint as an error when it failed. */
export function runWith(argv: readonly [string, ...string[]], input: string): string {
  const [file, ...args] = argv;
  const result = spawnSync(file, args, { input, maxBuffer: 1 << 28, encoding: 'utf8' });
  if (result.error) throw result.error;
  if (result.status !== 0)
    throw new Error(`${file} exited with ${result.status}: ${result.stderr}`);
  return result.stdout;
}

/** Runs a Python program that reads JSON and prints JSON: one process for a whole batch. */
export function runPython(program: string, input: unknown): unknown {
  return JSON.parse(runWith(['python3', '-c', program], JSON.stringify(input)));
}
