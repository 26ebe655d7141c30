import { findProject, type Project } from '../effects/find-project.ts';
import { recoverProject } from '../effects/project.ts';
import type { Printer } from './print.ts';

/** Finds the project, and first ends what a killed run began: half a change is nothing to run. */
export async function openProject(start: string | undefined, printer: Printer): Promise<Project> {
  const { directory } = await findProject(start);
  const { how, left } = recoverProject(directory);
  if (how === 'completed') printer.note('An earlier run was interrupted: it is complete now.');
  if (how === 'undone') printer.note('An earlier run was interrupted: it is taken back.');
  for (const path of left) printer.note(`  ${path} is as you left it: you changed it meanwhile.`);
  return findProject(directory);
}
