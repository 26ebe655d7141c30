import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { formatCommands } from '../core/commands.ts';
import { CliError, usageError } from '../core/errors.ts';
import { sh } from '../core/escape.ts';
import { PROJECT_FILE, type ProjectRecord, parseProject } from '../core/record.ts';
import type { StackManifest } from '../core/stacks.ts';
import { readManifest } from './templates.ts';

/** A project on disk: where it is, how it was made, and what its stack says of itself. */
export interface Project {
  readonly directory: string;
  readonly record: ProjectRecord;
  readonly manifest: StackManifest;
}

/**
 * The project that `start` lies in: the nearest folder upwards with our record in it.
 * @throws CliError when there is none, or `start` is no folder
 */
export async function findProject(start = '.'): Promise<Project> {
  return readProject(await findProjectFolder(start));
}

/** As findProject, for commands that can do without a project. */
export async function findProjectAt(start = '.'): Promise<Project | undefined> {
  const directory = await findFolder(start);
  return directory === undefined ? undefined : readProject(directory);
}

/**
 * Where the project is that `start` lies in, whatever its record says.
 * @throws CliError as findProject
 */
export async function findProjectFolder(start = '.'): Promise<string> {
  const directory = await findFolder(start);
  if (directory !== undefined) return directory;
  throw new CliError(`No project here: neither ${resolve(start)} nor a folder above has one.`, {
    hint: 'Go to a project made by create-llm-api, or make one: npx create-llm-api my-llm-api',
  });
}

/** @throws CliError when the record is not one that this version reads */
export async function readProject(directory: string): Promise<Project> {
  const record = parseProject(await readFile(join(directory, PROJECT_FILE), 'utf8'));
  return { directory, record, manifest: await readManifest(record.answers.stack) };
}

async function findFolder(start: string): Promise<string | undefined> {
  let directory = resolve(start);
  await checkFolder(directory);
  for (;;) {
    if ((await readIfThere(join(directory, PROJECT_FILE))) !== undefined) return directory;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
}

/** What to type, from where the user is, to install the project's dependencies. */
export function formatInstall(project: Project): string {
  const { record, manifest } = project;
  return formatFrom(project, formatCommands(manifest, record.answers.packageManager).install);
}

/** A command that belongs into the project's folder, as one types it from where the user is. */
export function formatFrom({ directory }: Project, command: string): string {
  const cd = relative(process.cwd(), directory);
  return cd === '' ? command : `cd ${sh(cd)} && ${command}`;
}

async function checkFolder(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw usageError(`${directory} is not a directory.`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A folder above that we may not look into is not ours.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw error;
  }
}
