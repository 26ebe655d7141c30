import type { StackCommands } from '../../src/core/stacks.ts';
import { findProject } from '../../src/effects/find-project.ts';
import { resolveProgram } from '../../src/effects/resolve-program.ts';
import { findFreePort } from '../harness/free-port.ts';
import { cleanEnvironment } from './environment.ts';
import { type Program, startProgram, waitUntilHealthy } from './program.ts';

/** A project's own commands, without our tool: as a container or a colleague runs them. */
export async function findCommand(
  directory: string,
  name: 'start' | 'build' | 'test',
): Promise<readonly string[]> {
  const project = await findProject(directory);
  const { [name]: argv }: StackCommands = project.manifest.commands;
  if (!argv) throw new Error(`there is no ${name} in ${directory}`);
  return resolveProgram(project, argv);
}

export async function findLints(directory: string): Promise<readonly (readonly string[])[]> {
  const project = await findProject(directory);
  return Promise.all(project.manifest.commands.lint.map((argv) => resolveProgram(project, argv)));
}

/** Starts the server itself, which may or may not come up. */
export async function startOwn(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<Program> {
  const argv = await findCommand(directory, 'start');
  return startProgram(argv, { cwd: directory, env: { ...cleanEnvironment(), ...env } });
}

export interface OwnServer {
  readonly program: Program;
  readonly url: string;
}

/** Starts the server itself; resolves once it answers. */
export async function startOwnServer(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<OwnServer> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const program = await startOwn(directory, { ...env, PORT: String(port) });
  await waitUntilHealthy(program, url);
  return { program, url };
}
