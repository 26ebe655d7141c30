import { relative } from 'node:path';
import { formatDiff, formatTree } from '../core/format.ts';
import type { FileOp } from '../core/plan.ts';
import type { Request } from './collect-answers.ts';
import type { CreatePlan } from './plan-create.ts';
import type { Printer } from './print.ts';

/** `--dry-run`: the tree that would be, and what would change in files that are there. */
export function showDryRun(printer: Printer, request: Request, { ops, disk }: CreatePlan): void {
  const { directory, answers } = request;
  printer.say(
    formatTree(
      relative(process.cwd(), directory) || '.',
      ops.map((op) => op.path),
    ),
  );
  for (const op of ops) {
    const before = disk.get(op.path);
    // A key is never shown, not even one that is about to be replaced.
    if (!before || !('file' in op) || op.path === '.env') continue;
    const after = op.kind === 'conflict' ? op.ours : op.file;
    printer.say(`\n${formatDiff(op.path, before.text, after.text)}`);
  }
  printer.say('\nNothing was written: this was a dry run.');
  printer.json({ ok: true, dryRun: true, directory, answers, operations: ops.map(summarize) });
}

function summarize({ kind, path }: FileOp): { kind: FileOp['kind']; path: string } {
  return { kind, path };
}
