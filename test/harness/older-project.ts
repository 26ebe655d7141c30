import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { plainEnvironment, runCli } from './cli.ts';

type Edit = (text: string) => string | null;
/** Path → what becomes of its text; null removes the file. */
export type Edits = Readonly<Record<string, Edit | string | null>>;

/** A project made just now, without its dependencies. */
export async function createProject(
  cwd: string,
  stack: string,
  ...flags: readonly string[]
): Promise<string> {
  const args = ['app', '-t', stack, '--yes', '--no-install', '--no-git', ...flags];
  const { code, stderr } = await runCli('create-llm-api', args, { cwd });
  if (code !== 0) throw new Error(stderr);
  return join(cwd, 'app');
}

/** As if older templates had made the project: their text is in the files and in the record. */
export async function makeOlder(directory: string, edits: Edits): Promise<void> {
  const file = join(directory, '.llm-api/base.json');
  const base = JSON.parse(await readFile(file, 'utf8'));
  for (const [path, edit] of Object.entries(edits)) {
    const text = applyEdit(edit, base.files[path]?.text ?? '');
    if (text === null) delete base.files[path];
    else base.files[path] = { text, mode: '644' };
  }
  await writeFile(file, `${JSON.stringify(base, null, 2)}\n`);
  await editFiles(directory, edits);
}

/** What a person did. */
export async function editFiles(directory: string, edits: Edits): Promise<void> {
  for (const [path, edit] of Object.entries(edits)) {
    const file = join(directory, path);
    const text = applyEdit(edit, await readFile(file, 'utf8').catch(() => ''));
    await mkdir(dirname(file), { recursive: true });
    if (text === null) await rm(file);
    else await writeFile(file, text);
  }
}

function applyEdit(edit: Edit | string | null, text: string): string | null {
  return typeof edit === 'function' ? edit(text) : edit;
}

/** Every file with its text and whether it can be run; git's own are left out. */
export async function readTree(directory: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const file = join(entry.parentPath, entry.name);
        const { mode } = await stat(file);
        const text = await readFile(file, 'utf8');
        return [file.slice(directory.length + 1), `${mode & 0o100 ? '#' : ''}${text}`] as const;
      }),
  );
  return Object.fromEntries(files.filter(([path]) => !path.startsWith('.git/')).sort());
}

export function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd, env: plainEnvironment(), encoding: 'utf8' });
}

export function commitAll(directory: string): void {
  git(directory, 'init', '--quiet', '--initial-branch=main');
  git(directory, 'add', '--all');
  git(directory, 'commit', '--quiet', '--message=before');
}
