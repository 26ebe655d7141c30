import { relative } from 'node:path';
import { formatCommands } from '../core/commands.ts';
import { CliError } from '../core/errors.ts';
import { sh } from '../core/escape.ts';
import { formatDiff, formatTree } from '../core/format.ts';
import { findMarker } from '../core/merge.ts';
import type { Moves } from '../core/moves.ts';
import type { FileOp } from '../core/plan.ts';
import { RECORD_DIRECTORY } from '../core/record.ts';
import { isInstalled } from '../effects/resolve-program.ts';
import type { ChangePlan } from './change-project.ts';
import { type Printer, paintOutput } from './print.ts';
import { VERSION } from './version.ts';

/** An operation in the words of `--json`. */
interface Told {
  readonly kind: FileOp['kind'];
  readonly path: string;
  /** Of a conflict: where its first marker is. */
  readonly line?: number;
  readonly why?: string;
  /** Of a file that you moved: where we had put it. */
  readonly from?: string;
}

export interface ChangeReport {
  readonly directory: string;
  readonly from: string;
  readonly version: string;
  readonly addons: readonly string[];
  readonly operations: readonly Told[];
  readonly next: readonly string[];
}

export function reportChange(change: ChangePlan): ChangeReport {
  const { project, answers, ops, moves } = change;
  return {
    directory: project.directory,
    from: project.record.version,
    version: VERSION,
    addons: answers.addons,
    operations: ops.map((op) => tell(op, moves)),
    next: formatNextSteps(change),
  };
}

/** What was done, file by file, and what to do next. */
export function showChange(printer: Printer, change: ChangePlan, did: string): ChangeReport {
  const report = reportChange(change);
  const strong = (text: string): string => paintOutput('bold', text);
  const next = report.next.map((line) => `  ${strong(line)}`);
  const lines = formatOperations(change);
  printer.say([did, ...lines, '', 'Next:', ...next].join('\n'));
  return report;
}

/** One line a file; our own record is no news. */
export function formatOperations({ ops, moves }: ChangePlan): readonly string[] {
  return shown(ops).map((op) => {
    const { line, why, from } = tell(op, moves);
    const place = line === undefined ? op.path : `${op.path}:${line}`;
    const notes = [why, from && `you moved it from ${from}`].filter(Boolean).join('; ');
    return `  ${op.kind.padEnd(8)}  ${place}${notes ? `  (${notes})` : ''}`;
  });
}

/** `--dry-run`: the operations as a tree, then what they would change in files that are there. */
export function showChangeDryRun(printer: Printer, change: ChangePlan): void {
  const { project, ops, disk } = change;
  const kinds = new Map(ops.map((op) => [op.path, op.kind]));
  const paths = shown(ops).map(({ path }) => path);
  const root = relative(process.cwd(), project.directory) || '.';
  printer.say(formatTree(root, paths, (path) => kinds.get(path)));
  for (const op of shown(ops)) {
    const before = disk.get(op.path)?.text ?? '';
    if (op.kind === 'create' || op.kind === 'skip') continue;
    const after = op.kind === 'delete' ? '' : op.file.text;
    printer.say(`\n${formatDiff(op.path, before, after)}`);
  }
  printer.say('\nNothing was written: this was a dry run.');
  printer.json({ ok: true, dryRun: true, ...reportChange(change) });
}

/** Everything else is done; these are the user's to decide. */
export function conflictsError(change: ChangePlan, report: ChangeReport): CliError {
  const places = change.ops.flatMap((op) =>
    op.kind === 'conflict' ? [`${op.path}:${tell(op, change.moves).line}`] : [],
  );
  const [verb, them] = places.length === 1 ? ['is a conflict', 'it'] : ['are conflicts', 'them'];
  return new CliError(`There ${verb} in ${places.join(', ')}. Everything else is done.`, {
    hint: `Edit what is between the markers and delete the markers; this run remembers ${them} as merged.`,
    details: { ...report, conflicts: places },
  });
}

function shown(ops: readonly FileOp[]): readonly FileOp[] {
  return ops.filter(({ path }) => !path.startsWith(`${RECORD_DIRECTORY}/`));
}

function tell(op: FileOp, moves: Moves): Told {
  const from = [...moves].find(([, to]) => to === op.path)?.[0];
  const told = { kind: op.kind, path: op.path, ...(from !== undefined && { from }) };
  if (op.kind === 'skip') return { ...told, why: op.why };
  if (op.kind !== 'conflict') return told;
  return { ...told, line: findMarker(op.file.text) ?? 1, why: op.why };
}

const LOCKS = ['package-lock.json', 'requirements.txt', 'requirements-dev.txt'];
const DEPENDENCIES = [...LOCKS, 'package.json', 'pyproject.toml'];

/** Install where dependencies changed, or there are none yet; the tests always. */
function formatNextSteps({ project, answers, manifest, ops }: ChangePlan): readonly string[] {
  const { packageManager } = answers;
  const { install, test } = formatCommands(manifest, packageManager);
  const isIn = (paths: readonly string[], kinds: readonly FileOp['kind'][]): boolean =>
    ops.some((op) => paths.includes(op.path) && kinds.includes(op.kind));
  const changed = isIn(DEPENDENCIES, ['create', 'update', 'merge', 'conflict']);
  // A lock of two sides is in step with its package.json only once npm has been over it.
  const merged = packageManager === 'npm' && isIn(DEPENDENCIES, ['merge', 'conflict']);
  const cd = relative(process.cwd(), project.directory);
  return [
    ...(cd === '' ? [] : [`cd ${sh(cd)}`]),
    ...(changed || !isInstalled(project) ? [merged ? 'npm install' : install] : []),
    ...(manifest.language === 'python' && isIn(LOCKS, ['merge'])
      ? [
          '# your dependencies and ours met in the lock: write it anew (README, "Change a dependency")',
        ]
      : []),
    test,
  ];
}
