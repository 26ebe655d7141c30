import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { layoutOf } from '../../src/core/stacks.ts';
import { readAddonManifests } from '../../src/effects/read-addons.ts';
import { installTool } from '../contract/projects.ts';
import { chosenStacks, prepareProjects } from '../contract/servers.ts';
import { installKubectl } from './manifests.ts';

/** Once a run: the async stacks with every add-on, rendered and installed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await installKubectl();
  const tool = await installTool();
  const addons = readAddonManifests().flatMap(({ name, manifest: { layouts } }) =>
    layouts.includes('async') ? [name] : [],
  );
  const stacks = chosenStacks().filter((stack) => layoutOf(stack) === 'async');
  const projects = await prepareProjects(tool, stacks, ['--with', addons.join(',')]);
  project.provide('target', { kind: 'projects', tool, projects });
  return () => rm(tool, { recursive: true, force: true });
}
