import type { PythonPaths } from '../core/commands.ts';
import { CliError } from '../core/errors.ts';
import { runProgram } from './exec.ts';
import { isOnPath } from './programs.ts';

/** As the Python stacks say in their pyproject.toml. */
const OLDEST = [3, 11] as const;

/** What `python3` is comes first: it is the user's choice, where it will do. */
const NAMES = [
  'python3',
  'python',
  'py',
  ...['python3.14', 'python3.13', 'python3.12', 'python3.11'],
] as const;

/**
 * The first Python on the PATH that is new enough, and where a venv has its own.
 * @throws CliError with the versions of those that are too old
 */
export async function findPython(): Promise<PythonPaths> {
  const venv = process.platform === 'win32' ? '.venv\\Scripts\\python.exe' : '.venv/bin/python';
  const tooOld: string[] = [];
  for (const system of NAMES) {
    const version = await readVersion(system);
    if (version === undefined) continue;
    if (isNewEnough(version)) return { system, venv };
    tooOld.push(`${system} is ${version}`);
  }
  const found = tooOld.length > 0 ? `: ${tooOld.join(', ')}` : '';
  throw new CliError(`Python ${OLDEST.join('.')} or newer was not found${found}.`, {
    hint: 'Install it, or uv (https://docs.astral.sh/uv), which brings its own; or pass --no-install.',
  });
}

/** Undefined where there is none, and where a name only stands for one that is not installed. */
async function readVersion(name: string): Promise<string | undefined> {
  if (!(await isOnPath(name))) return undefined;
  const script = 'import platform; print(platform.python_version())';
  const { ok, output } = await runProgram([name, '-c', script], { cwd: '.' });
  return ok && /^\d+\.\d+/.test(output) ? output.trim() : undefined;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}
