import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cleanEnvironment } from './environment.ts';
import { runProgram } from './program.ts';

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'create-llm-api');
const BIN = process.platform === 'win32' ? 'Scripts' : 'bin';

/** The folders of programs, once for all servers of a run. */
const installed = new Map<string, Promise<string>>();

/**
 * The folder of the programs of a virtual environment with these requirements: the versions of a
 * tool and of all that it needs. It is kept from one run to the next: it is of no project.
 */
export function installPythonTools(requirements: string): Promise<string> {
  const programs = installed.get(requirements) ?? install(requirements);
  installed.set(requirements, programs);
  return programs;
}

async function install(requirements: string): Promise<string> {
  const text = await readFile(requirements, 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const venv = join(CACHE, `${basename(requirements, '.txt')}-${hash}`);
  const programs = join(venv, BIN);
  if (await isThere(join(venv, 'whole'))) return programs;
  await rm(venv, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  const python = process.platform === 'win32' ? 'python' : 'python3';
  await mustRun([python, '-m', 'venv', venv]);
  const pip = [join(programs, 'python'), '-m', 'pip', 'install', '--quiet', '--no-deps'];
  await mustRun([...pip, '--disable-pip-version-check', '-r', requirements]);
  await writeFile(join(venv, 'whole'), '');
  return programs;
}

async function mustRun(argv: readonly string[]): Promise<void> {
  const { code, output } = await runProgram(argv, { cwd: tmpdir(), env: cleanEnvironment() });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${output}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
