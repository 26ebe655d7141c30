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
