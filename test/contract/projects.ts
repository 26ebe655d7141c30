import { createHash } from 'node:crypto';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StackName } from '../../src/core/stacks.ts';
import { readManifest } from '../../src/effects/templates.ts';
import { cleanEnvironment } from './environment.ts';
import { findCommand } from './own.ts';
import { runProgram } from './program.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/**
 * Outside of this repository, where people's projects lie too: what is in node_modules is ignored
 * by linters, and tools look for their settings in the folders above.
 */
const CACHE = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'create-llm-api/contract',
);
const NAME = 'contract-api';
const DAY = 24 * 3600 * 1000;

/** A rendered, installed and built project. */
export interface Project {
  readonly stack: StackName;
  readonly directory: string;
}

/** One that could not be made, and why. */
export interface Failure {
  readonly stack: StackName;
  readonly problem: string;
}

/**
 * The tool as npm would install it, with no node_modules of its own to lean on: it keeps working
 * while someone builds again, and a bundle that lacks something is found out.
 */
export async function installTool(): Promise<string> {
  await mustRun([process.execPath, '.scripts/build.mjs'], ROOT);
  const tool = await mkdtemp(join(tmpdir(), 'create-llm-api-'));
  for (const part of ['package.json', 'bin', 'dist', 'templates']) {
    await cp(join(ROOT, part), join(tool, part), { recursive: true });
  }
  return tool;
}

/**
 * The project of a stack as `create-llm-api` makes it. Installing takes most of the time, so that a
 * project rendered to the same bytes is used again; not in CI, where every run is a first one.
 */
export async function prepareProject(
  tool: string,
  stack: StackName,
  say: (text: string) => void,
  flags: readonly string[] = [],
): Promise<Project> {
  const hash = await hashRender(tool, stack, flags);
  const note = join(CACHE, `${stack}-${hash}.json`);
  const known = process.env.CI ? undefined : await readNote(note);
  if (known) {
    say(`${stack}: as installed before`);
    return known;
  }
  const start = Date.now();
  say(`${stack}: installing …`);
  await mkdir(CACHE, { recursive: true });
  const directory = join(await mkdtemp(join(CACHE, `${stack}-${hash}-`)), NAME);
  await create(tool, stack, directory, flags);
  const { commands } = await readManifest(stack);
  if (commands.build) await mustRun(await findCommand(directory, 'build'), directory);
  const project = { stack, directory };
  // Written last and in one step: a run that is interrupted leaves nothing that looks whole.
  await writeFile(`${directory}.json`, JSON.stringify(project));
  await rename(`${directory}.json`, note);
  say(`${stack}: installed in ${Math.round((Date.now() - start) / 1000)} s`);
  return project;
}

async function readNote(note: string): Promise<Project | undefined> {
  try {
    return JSON.parse(await readFile(note, 'utf8')) as Project;
  } catch {
    return undefined;
  }
}

/** Removes what no run of the last day has made. */
export async function pruneProjects(): Promise<void> {
  for (const name of await readdir(CACHE).catch(() => [])) {
    const path = join(CACHE, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > DAY) await rm(path, { recursive: true, force: true });
  }
}

async function hashRender(tool: string, stack: StackName, flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'contract-render-'));
  try {
    const directory = join(folder, NAME);
    await create(tool, stack, directory, [...flags, '--no-install']);
    const hash = createHash('sha256');
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) {
      hash
        .update(file.slice(directory.length))
        .update('\0')
        .update(await readFile(file));
    }
    return hash.digest('hex').slice(0, 16);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function create(tool: string, stack: StackName, directory: string, flags: readonly string[]) {
  const bin = join(tool, 'bin/create-llm-api.js');
  const argv = [bin, directory, '-t', stack, '--yes', '--no-key', '--no-git', ...flags];
  return mustRun([process.execPath, ...argv], tool);
}

async function mustRun(argv: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await runProgram(argv, { cwd, env: cleanEnvironment() });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${output}`);
}
