import { runProgram } from './exec.ts';
import { isOnPath } from './programs.ts';

const PATIENCE_MS = 8000;

/** What a program says of itself to `--version`; undefined where there is none that starts. */
export async function readVersion(
  name: string,
  { cwd, signal }: { readonly cwd: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (!(await isOnPath(name))) return undefined;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  const { ok, output } = await runProgram([name, '--version'], { cwd, signal: limit });
  return ok ? /\d+\.\d+[\w.+-]*/.exec(output)?.[0] : undefined;
}
