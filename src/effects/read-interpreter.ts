import { existsSync, readFileSync } from 'node:fs';

/**
 * The interpreter that a script names in its first line and that is not there: a console script
 * names the .venv that it was installed into, wherever that has been moved since.
 *
 * @returns undefined where nothing is wrong, and where there is no such script
 */
export function readLostInterpreter(script: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(script, 'latin1');
  } catch {
    return undefined;
  }
  const interpreter = /^#!\s*(\/[^\r\n]*)/.exec(text)?.[1]?.trim();
  if (interpreter === undefined || existsSync(interpreter)) return undefined;
  // The path may have spaces; then an argument cannot be told from it.
  const [program = ''] = interpreter.split(' ');
  return existsSync(program) ? undefined : interpreter;
}
