import { relative } from 'node:path';
import type { Request } from './collect-answers.ts';
import type { CreatePlan } from './plan-create.ts';
import { type Printer, paintOutput } from './print.ts';

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
  const strong = (text: string): string => paintOutput('bold', text);
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
