import { relative } from 'node:path';
import type { Answers } from '../core/answers.ts';
import { CliError } from '../core/errors.ts';
import { findMarker } from '../core/merge.ts';
import { findMoves, type Moves } from '../core/moves.ts';
import type { FileOp } from '../core/plan.ts';
import { planChange, writtenBy } from '../core/plan-change.ts';
import { BASE_FILE, PROJECT_FILE } from '../core/record.ts';
import { render } from '../core/render.ts';
import type { StackManifest } from '../core/stacks.ts';
import { type FileEntry, type FileTree, sortTree } from '../core/tree.ts';
import { compareVersions } from '../core/versions.ts';
import type { Project } from '../effects/find-project.ts';
import { readDirtyFiles } from '../effects/git.ts';
import { readOtherFiles } from '../effects/other-files.ts';
import { applyOps, readBase, readDisk } from '../effects/project.ts';
import { readProjectTemplate } from '../effects/templates.ts';
import { withInterrupt } from './interrupt.ts';
import type { Printer } from './print.ts';
import { conflictsError, showChange, showChangeDryRun } from './show-change.ts';
import { VERSION } from './version.ts';

/** What `upgrade`, `add` and `remove` have in common. */
export interface ChangeFlags {
  readonly dryRun?: true;
  readonly force?: true;
  readonly json?: true;
}

/** What would bring a project to these answers and to this version's templates. */
export interface ChangePlan {
  readonly project: Project;
  readonly answers: Answers;
  readonly manifest: StackManifest;
  readonly ops: readonly FileOp[];
  readonly disk: FileTree;
  readonly moves: Moves;
}

export async function readChange(project: Project, answers: Answers): Promise<ChangePlan> {
  const { directory, record } = project;
  if (compareVersions(record.version, VERSION) > 0) {
    throw new CliError(
      `The project was written by create-llm-api ${record.version}; this is ${VERSION}.`,
      { hint: `Run that or a newer one: npx -p create-llm-api@${record.version} llm-api …` },
    );
  }
  const template = await readProjectTemplate(answers);
  const target = render(answers, template, VERSION);
  const base = await readBase(directory);
  const paths = [...base.keys(), ...target.keys(), PROJECT_FILE, BASE_FILE];
  const known = await readDisk(directory, paths);
  const gone = sortTree(
    [...base].filter(([path, { text }]) => !known.has(path) && changes(target.get(path), text)),
  );
  const others = readOtherFiles(directory, new Set(paths), [...gone.keys()]);
  const moves = findMoves(gone, others);
  const disk = sortTree([...known, ...others]);
  checkResolved(disk);
  const sides = { base, disk, target, moves };
  const ops = planChange({ ...sides, record: { version: VERSION, answers } });
  return { project, answers, manifest: template.manifest, ops, disk, moves };
}

/** Nothing is looked for that would get no change. */
function changes(target: FileEntry | undefined, base: string): boolean {
  return target !== undefined && target.text !== base;
}

/** @param did what was done, as one sentence */
export async function changeProject(
  change: ChangePlan,
  flags: ChangeFlags,
  printer: Printer,
  did: string,
): Promise<void> {
  if (flags.dryRun) return showChangeDryRun(printer, change);
  const { directory } = change.project;
  await withInterrupt(async (signal) => {
    if (!flags.force) await checkClean(directory, change.ops);
    if (signal.aborted) throw signal.reason;
    const applied = await applyOps(directory, change.ops, change.disk);
    await applied.keep();
  });
  const report = showChange(printer, change, did);
  if (change.ops.some(({ kind }) => kind === 'conflict')) throw conflictsError(change, report);
  printer.json({ ok: true, ...report });
}

/** Markers inside markers would be nobody's to read. */
function checkResolved(disk: FileTree): void {
  const places = [...disk].flatMap(([path, { text }]) => {
    const line = findMarker(text);
    return line === undefined ? [] : [`${path}:${line}`];
  });
  if (places.length === 0) return;
  throw new CliError(`Conflicts of an earlier run are not resolved: ${places.join(', ')}.`, {
    hint: 'Edit what is between the markers, delete the markers, and run this again.',
    details: { conflicts: places },
  });
}

/** What is not committed yet could not be told from what we did. */
async function checkClean(directory: string, ops: readonly FileOp[]): Promise<void> {
  const written = new Set(writtenBy(ops).map(({ path }) => path));
  const dirty = (await readDirtyFiles(directory))
    .filter(({ path, tracked }) => tracked || written.has(path))
    .map(({ path }) => path);
  if (dirty.length === 0) return;
  const where = relative(process.cwd(), directory) || 'This project';
  throw new CliError(`${where} has changes that are not committed: ${dirty.join(', ')}.`, {
    hint: 'Commit them first, so that you can tell ours from yours; or pass --force.',
    details: { dirty },
  });
}
