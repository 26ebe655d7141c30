import { setEnvValue } from '../core/env-file.ts';
import type { FileOp } from '../core/plan.ts';
import { planNew } from '../core/plan-new.ts';
import { formatRecord } from '../core/record.ts';
import { render } from '../core/render.ts';
import type { StackManifest } from '../core/stacks.ts';
import { EMPTY_TREE, type FileTree } from '../core/tree.ts';
import { readDisk } from '../effects/project.ts';
import { readProjectTemplate } from '../effects/templates.ts';
import type { Request } from './collect-answers.ts';
import { VERSION } from './version.ts';

export interface CreatePlan {
  readonly ops: readonly FileOp[];
  /** What was at those paths before. */
  readonly disk: FileTree;
  readonly manifest: StackManifest;
}

const ENV_FILE = '.env';

/** Create is an upgrade from nothing: an empty base, and whatever the directory has. */
export async function planCreate({ answers, directory, key }: Request): Promise<CreatePlan> {
  const template = await readProjectTemplate(answers);
  const project = render(answers, template, VERSION);
  const target = new Map([...project, ...formatRecord({ version: VERSION, answers }, project)]);
  const disk = await readDisk(directory, [...target.keys(), ENV_FILE]);
  const ops = disk.size === 0 ? planNew(target) : await planOver(disk, target);
  return { ops: key ? [planKey(disk, key), ...ops] : ops, disk, manifest: template.manifest };
}

/** Loaded here because a new project, which has nothing to merge with, never needs it. */
async function planOver(disk: FileTree, target: FileTree): Promise<readonly FileOp[]> {
  const { plan } = await import('../core/plan.ts');
  return plan(EMPTY_TREE, disk, target);
}

/** The key goes beside the project, not into it: no record, no repository, and only you read it. */
function planKey(disk: FileTree, key: string): FileOp {
  const existing = disk.get(ENV_FILE);
  const text = setEnvValue(existing?.text ?? '', 'OPENAI_API_KEY', key);
  return { kind: existing ? 'update' : 'create', path: ENV_FILE, file: { text, mode: 0o600 } };
}
