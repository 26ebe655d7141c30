import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { runProgram } from './exec.ts';
import { isOnPath } from './programs.ts';

export type GitState =
  /** A repository can be made here, and a first commit in it. */
  | 'ready'
  | 'inside-work-tree'
  | 'no-git'
  /** git does not know who commits: it would refuse. */
  | 'no-identity';

/** What git would say of a new repository in `directory`, which need not exist yet. */
export async function readGitState(directory: string): Promise<GitState> {
  if (!(await isOnPath('git'))) return 'no-git';
  const cwd = nearestExisting(directory);
  const inside = await runProgram(['git', 'rev-parse', '--is-inside-work-tree'], { cwd });
  if (inside.ok && inside.output.trim() === 'true') return 'inside-work-tree';
  const identity = await runProgram(['git', 'var', 'GIT_COMMITTER_IDENT'], { cwd });
  return identity.ok ? 'ready' : 'no-identity';
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory));
}

export interface DirtyFile {
  /** Relative to the directory that was asked about. */
  readonly path: string;
  readonly tracked: boolean;
}

/** What in `directory` git would lose track of; nothing where there is no git or no work tree. */
export async function readDirtyFiles(directory: string): Promise<readonly DirtyFile[]> {
  if (!(await isOnPath('git'))) return [];
  // Not to wait for, or take, the lock of somebody else's git.
  const options = { cwd: directory, env: { GIT_OPTIONAL_LOCKS: '0' } };
  const prefix = await runProgram(['git', 'rev-parse', '--show-prefix'], options);
  if (!prefix.ok) return [];
  const list = ['git', 'status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '.'];
  const { ok, output } = await runProgram(list, options);
  if (!ok) return [];
  const start = 'XY '.length + prefix.output.trim().length;
  return output
    .split('\0')
    .filter(Boolean)
    .map((entry) => ({ path: entry.slice(start), tracked: !entry.startsWith('??') }));
}
