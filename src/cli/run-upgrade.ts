import { formatTool } from '../core/commands.ts';
import { CliError } from '../core/errors.ts';
import { writtenBy } from '../core/plan-change.ts';
import { isToolOnPath } from '../effects/programs.ts';
import { changeProject, readChange } from './change-project.ts';
import { openProject } from './open-project.ts';
import { createPrinter } from './print.ts';
import { formatOperations, reportChange } from './show-change.ts';
import type { UpgradeFlags } from './upgrade.ts';
import { VERSION } from './version.ts';

/** The same answers, rendered with this version's templates. */
export async function runUpgrade(start: string | undefined, flags: UpgradeFlags): Promise<void> {
  const printer = createPrinter(flags);
  const project = await openProject(start, printer);
  const { answers, version } = project.record;
  const change = await readChange(project, answers);
  const count = writtenBy(change.ops).length;
  if (count === 0) {
    printer.say(`Up to date with create-llm-api ${VERSION}.`);
    return printer.json({ ok: true, ...reportChange(change) });
  }
  if (flags.check) {
    printer.say(formatOperations(change).join('\n'));
    const tool = formatTool(VERSION, await isToolOnPath(process.argv[1] ?? ''));
    throw new CliError(`Not up to date with create-llm-api ${VERSION}.`, {
      hint: `To see how it would change: ${tool} upgrade --dry-run`,
      details: { ...reportChange(change) },
    });
  }
  const from = version === VERSION ? '' : `, from ${version}`;
  await changeProject(change, flags, printer, `Upgraded to create-llm-api ${VERSION}${from}:`);
}
