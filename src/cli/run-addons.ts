import { ADDONS, type AddonName, checkAddons } from '../core/addons.ts';
import { formatTool } from '../core/commands.ts';
import { isToolOnPath } from '../effects/programs.ts';
import { readAddonManifests } from '../effects/read-addons.ts';
import { type ChangeFlags, changeProject, readChange } from './change-project.ts';
import { openProject } from './open-project.ts';
import { createPrinter } from './print.ts';
import { VERSION } from './version.ts';

const WORDS = {
  add: { already: 'is there already', did: 'Added', together: 'Add them together' },
  remove: { already: 'is not there', did: 'Removed', together: 'Remove them together' },
} as const;

/** The answers with or without these add-ons, rendered with this version's templates. */
export async function runAddons(
  verb: 'add' | 'remove',
  names: readonly AddonName[],
  flags: ChangeFlags,
): Promise<void> {
  const printer = createPrinter(flags);
  const words = WORDS[verb];
  const project = await openProject(undefined, printer);
  const { answers, version } = project.record;
  const isThere = (name: string): boolean => answers.addons.includes(name);
  const chosen = ADDONS.filter((name) => names.includes(name));
  const changing = chosen.filter((name) => isThere(name) === (verb === 'remove'));
  for (const name of chosen.filter((name) => !changing.includes(name))) {
    printer.say(`${name} ${words.already}.`);
  }
  if (changing.length === 0) {
    const { directory } = project;
    return printer.json({ ok: true, directory, addons: answers.addons, operations: [] });
  }
  const addons =
    verb === 'add'
      ? ADDONS.filter((name) => isThere(name) || changing.includes(name))
      : answers.addons.filter((name) => !names.some((removed) => removed === name));
  const tool = formatTool(VERSION, await isToolOnPath(process.argv[1] ?? ''));
  checkAddons(
    answers.stack,
    readAddonManifests().filter(({ name }) => addons.includes(name)),
    (together) => {
      const needed = ADDONS.filter((name) => together.includes(name) || chosen.includes(name));
      return `${words.together}: ${tool} ${verb} ${needed.join(' ')}`;
    },
  );
  const change = await readChange(project, { ...answers, addons });
  const upgraded = version === VERSION ? '' : `, and upgraded to create-llm-api ${VERSION}`;
  await changeProject(change, flags, printer, `${words.did} ${changing.join(', ')}${upgraded}:`);
}
