import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import type { Finding } from '../../src/core/doctor.ts';
import { makeFolder, type Outcome, runCli } from './cli.ts';
import { makeFileFolder } from './folder.ts';
import { findFreePort } from './free-port.ts';
import { makeInstalledProject } from './installed-project.ts';

/** In every .env that has a key: none of it may be in what doctor says. */
export const KEY = 'sk-canary-7c2e91';

/** Makes a project of each stack once a file. @returns what copies one of them for a test */
export function makeProjects<Stack extends 'flask' | 'express'>(...stacks: readonly Stack[]) {
  const folder = makeFileFolder();
  beforeAll(async () => {
    for (const stack of stacks) await makeInstalledProject(join(folder(), stack), stack);
  });
  /** A project of this test's own, healthy until the test has been at it. */
  return async (stack: Stack, env = ''): Promise<string> => {
    const directory = join(await makeFolder(), 'my-api');
    await cp(join(folder(), stack), directory, { recursive: true, verbatimSymlinks: true });
    await writeFile(join(directory, '.env'), `PORT=${await findFreePort()}\n${env}`);
    return directory;
  };
}

type Env = Readonly<Record<string, string | undefined>>;

/** What a machine that has a proxy would add to each line. */
export const NO_PROXIES = Object.fromEntries(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
    [name, undefined],
    [name.toLowerCase(), undefined],
  ]),
);

export function runDoctor(
  cwd: string,
  args: readonly string[] = [],
  env: Env = {},
): Promise<Outcome> {
  return runCli('llm-api', ['doctor', ...args], { cwd, env: { ...NO_PROXIES, ...env } });
}

interface Report {
  readonly code: number;
  readonly ok: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly checks: readonly Finding[];
}

export async function readReport(cwd: string, env: Env = {}): Promise<Report> {
  const { code, stdout, stderr } = await runDoctor(cwd, ['--json'], env);
  expect(stdout + stderr).not.toContain(KEY);
  return { code, ...JSON.parse(stdout) };
}

/** The one finding that is bad, in a project that is otherwise healthy. */
export async function readOnlyBad(cwd: string, env: Env = {}): Promise<Finding | undefined> {
  const { code, ok, checks } = await readReport(cwd, env);
  const found = checks.filter(({ verdict }) => verdict === 'bad');
  expect({ code, ok, bad: found.map(({ name }) => name) }).toEqual({
    code: 1,
    ok: false,
    bad: [found[0]?.name],
  });
  return found[0];
}

export async function find(name: string, cwd: string, env: Env = {}): Promise<Finding | undefined> {
  return (await readReport(cwd, env)).checks.find((check) => check.name === name);
}
