import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { STACKS, type StackName } from '../../src/core/stacks.ts';
import {
  type Failure,
  installTool,
  type Project,
  prepareProject,
  pruneProjects,
} from './projects.ts';

/** What the suite runs against: projects that it starts itself, or one server that runs already. */
export type Target =
  | {
      readonly kind: 'projects';
      readonly tool: string;
      readonly projects: readonly (Project | Failure)[];
    }
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly stack: StackName;
      readonly mockPort: number;
    };

declare module 'vitest' {
  interface ProvidedContext {
    target: Target;
  }
}

/** Once a run: the tool is built and every stack rendered and installed, two at a time. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { CONTRACT_URL: url } = process.env;
  if (url) {
    project.provide('target', readUrlTarget(url));
    return async () => {};
  }
  const tool = await installTool();
  const projects = await prepareProjects(tool, chosenStacks());
  project.provide('target', { kind: 'projects', tool, projects });
  return () => rm(tool, { recursive: true, force: true });
}

/** The projects that `create` makes with these flags, two at a time. */
export async function prepareProjects(
  tool: string,
  stacks: readonly StackName[],
  flags: readonly string[] = [],
): Promise<readonly (Project | Failure)[]> {
  const say = (text: string): void => void process.stderr.write(`contract: ${text}\n`);
  const wanted = [...stacks.entries()];
  // In the order of the stacks, not in that of who is ready first: every run has the same.
  const projects: (Project | Failure)[] = [];
  const work = async (): Promise<void> => {
    for (let next = wanted.shift(); next; next = wanted.shift()) {
      const [index, stack] = next;
      const failed = (error: Error): Failure => ({ stack, problem: error.message });
      projects[index] = await prepareProject(tool, stack, say, flags).catch(failed);
    }
  };
  await Promise.all([work(), work()]);
  await pruneProjects();
  return projects;
}

/** CONTRACT_STACKS=fastapi,express; all of them when it is not set. */
export function chosenStacks(): StackName[] {
  const chosen = process.env.CONTRACT_STACKS?.split(',');
  return chosen ? chosen.map(parseStack) : STACKS.map((stack) => stack.name);
}

function readUrlTarget(url: string): Target {
  const { CONTRACT_STACK: stack = '', CONTRACT_MOCK_PORT: port } = process.env;
  if (!port) throw new Error('CONTRACT_URL needs CONTRACT_MOCK_PORT as well: see README.md');
  return { kind: 'url', url, stack: parseStack(stack), mockPort: Number(port) };
}

function parseStack(text: string): StackName {
  const found = STACKS.find(({ name }) => name === text);
  if (!found) throw new Error(`no stack "${text}": ${STACKS.map(({ name }) => name).join(', ')}`);
  return found.name;
}
