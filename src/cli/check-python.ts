import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatCommands } from '../core/commands.ts';
import { bad, good, type Judgement, skipped } from '../core/doctor.ts';
import { comparePackages, judgeComparison } from '../core/doctor-dependencies.ts';
import { judgeRuntime } from '../core/doctor-runtime.ts';
import { CliError } from '../core/errors.ts';
import { parseRequirements } from '../core/requirements.ts';
import { formatFrom, formatInstall, type Project } from '../effects/find-project.ts';
import { findPython } from '../effects/find-python.ts';
import { readLostInterpreter } from '../effects/read-interpreter.ts';
import { type PythonFacts, readPython } from '../effects/read-python.ts';
import { readVersion } from '../effects/read-version.ts';
import { programPath } from '../effects/resolve-program.ts';
import { judgeNode } from './check-node.ts';
import type { Check } from './doctor-check.ts';

/** Which Python there is: the project's own, else the one that would make it. */
export interface FoundPython {
  readonly where: '.venv' | 'PATH';
  /** Undefined where it is there and does not start. */
  readonly facts: PythonFacts | undefined;
}

export function pythonChecks(
  project: Project,
  find: () => Promise<FoundPython | undefined>,
  signal: AbortSignal,
): readonly Check[] {
  const judge = project.record.answers.packageManager === 'uv' ? judgeUv : judgePip;
  return [
    { name: 'node', run: async () => judgeNode() },
    { name: 'python', run: async () => judgePython(project, await find()) },
    { name: 'package-manager', run: async () => judge(project, await find(), signal) },
    { name: 'dependencies', run: async () => judgePackages(project, await find()) },
  ];
}

export async function findProjectPython(
  project: Project,
  signal: AbortSignal,
): Promise<FoundPython | undefined> {
  if (existsSync(join(project.directory, '.venv'))) {
    return { where: '.venv', facts: await readPython(programPath(project, 'python'), signal) };
  }
  // uv brings the Python that it wants.
  if (project.record.answers.packageManager === 'uv') return undefined;
  try {
    const { system } = await findPython();
    return { where: 'PATH', facts: await readPython(system, signal) };
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

async function judgePython(project: Project, found: FoundPython | undefined): Promise<Judgement> {
  const pyproject = await readText(project, 'pyproject.toml');
  const range = /^requires-python\s*=\s*["']([^"']+)["']/m.exec(pyproject ?? '')?.[1];
  if (!found && project.record.answers.packageManager === 'uv') {
    return skipped('there is no .venv yet; uv brings a Python');
  }
  if (!found) {
    return bad(
      'Python 3.11 or newer is not there',
      'Install it: https://www.python.org/downloads, or uv, which brings one: https://docs.astral.sh/uv',
    );
  }
  if (!found.facts) return bad('the one in .venv does not start', reinstall(project));
  return judgeRuntime({
    title: 'Python',
    version: found.facts.markers.python_full_version ?? '',
    where: found.where === '.venv' ? ' in .venv' : '',
    range,
    site: 'https://www.python.org/downloads',
  });
}

async function judgeUv(
  { directory }: Project,
  _found: FoundPython | undefined,
  signal: AbortSignal,
): Promise<Judgement> {
  const version = await readVersion('uv', { cwd: directory, signal });
  if (version !== undefined) return good(`uv ${version}`);
  return bad(
    'uv is not there, or does not start',
    'Install it: https://docs.astral.sh/uv/getting-started/installation',
  );
}

async function judgePip(project: Project, found: FoundPython | undefined): Promise<Judgement> {
  if (!found?.facts) return skipped('there is no Python that could say whether it has pip');
  const { installed, makesVenvs, markers } = found.facts;
  if (found.where === 'PATH') {
    if (makesVenvs) return good('venv and pip come with Python');
    return bad(
      'this Python cannot make a .venv that has pip',
      `On Debian and Ubuntu: apt install python${markers.python_version}-venv`,
    );
  }
  const version = installed.get('pip');
  if (version !== undefined) return good(`pip ${version} in .venv`);
  return bad('there is no pip in .venv', formatFrom(project, '.venv/bin/python -m ensurepip'));
}

export async function judgePackages(
  project: Project,
  found: FoundPython | undefined,
): Promise<Judgement> {
  if (found?.where !== '.venv') {
    return bad('not installed: there is no .venv', formatInstall(project));
  }
  if (!found.facts) return skipped('the Python in .venv does not start');
  const lost = findLost(project);
  if (lost !== undefined) {
    return bad(`installed in another folder: ${lost} is not there`, reinstall(project));
  }
  const { installed, markers } = found.facts;
  const text = await readText(project, 'requirements.txt');
  if (text === undefined) return skipped('there is no requirements.txt to compare with');
  const needed = parseRequirements(text, markers);
  const names = new Set(needed.map(({ name }) => name));
  const more = parseRequirements((await readText(project, 'requirements-dev.txt')) ?? '', markers);
  const locked = [
    ...needed.map((one) => ({ ...one, dev: false })),
    ...more.flatMap((one) => (names.has(one.name) ? [] : [{ ...one, dev: true }])),
  ];
  const lock = more.length > 0 ? 'requirements-dev.txt' : 'requirements.txt';
  const comparison = comparePackages(lock, locked, (name) => installed.get(name));
  return judgeComparison(comparison, formatInstall(project));
}

/** The Python that the project's programs were installed for, where it is gone. */
function findLost(project: Project): string | undefined {
  const { dev, start, test, lint } = project.manifest.commands;
  const programs = [dev, start, test, ...lint].flatMap(([name]) => name ?? []);
  return programs
    .map((name) => readLostInterpreter(programPath(project, name)))
    .find((interpreter) => interpreter !== undefined);
}

function reinstall(project: Project): string {
  const { install } = formatCommands(project.manifest, project.record.answers.packageManager);
  return formatFrom(project, `rm -r .venv && ${install}`);
}

async function readText({ directory }: Project, name: string): Promise<string | undefined> {
  return readFile(join(directory, name), 'utf8').catch(() => undefined);
}
