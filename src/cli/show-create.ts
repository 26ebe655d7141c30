import { relative } from 'node:path';
import { formatDiff, formatTree } from '../core/format.ts';
import type { FileOp } from '../core/plan.ts';
import type { Request } from './collect-answers.ts';
import type { CreatePlan } from './plan-create.ts';
import { type Printer, paint } from './print.ts';

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

/** With `--overwrite`: which of your files are about to be replaced. */
export function showReplaced(printer: Printer, { ops }: CreatePlan): void {
  const replaced = ops.filter((op) => op.kind === 'conflict').map((op) => `  ${op.path}`);
  if (replaced.length > 0) {
    printer.note(`These files of yours differ and are replaced:\n${replaced.join('\n')}`);
  }
}

/** The last words: where it is, what next (unless it is done next), how to do it again. */
export function showClosing(
  printer: Printer,
  request: Request,
  { manifest }: CreatePlan,
  { next, again }: { next: readonly string[] | undefined; again: string },
): void {
  const strong = (text: string): string => paint(process.stdout, 'bold', text);
  const where = relative(process.cwd(), request.directory) || '.';
  printer.say(
    [
      '',
      `${strong(request.answers.name)} is ready: ${manifest.title}, in ${where}`,
      ...gitNotes(request),
      '',
      ...(next ? ['Next:', ...next.map((line) => `  ${strong(line)}`), ''] : []),
      keyNote(request),
      '',
      'The same again, without questions:',
      `  ${again}`,
    ].join('\n'),
  );
}

function keyNote({ key }: Request): string {
  if (key) return 'Your key is in .env, which git ignores.';
  if (process.env.OPENAI_API_KEY) return 'Your key comes from the environment (OPENAI_API_KEY).';
  return 'No key needed: answers come from the built-in mock until .env has an OPENAI_API_KEY.';
}

/** Why there is no repository where one might have been expected. */
function gitNotes({ git, gitState }: Request): readonly string[] {
  if (git) return [];
  if (gitState === 'inside-work-tree') return ['It lies in a git work tree: no new one was made.'];
  if (gitState === 'no-git') return ['git was not found: no repository was made.'];
  if (gitState === 'no-identity') {
    return [
      'git does not know who you are (git config --global user.name): no repository was made.',
    ];
  }
  return [];
}
