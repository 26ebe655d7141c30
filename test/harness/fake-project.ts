import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StackName } from '../../src/core/stacks.ts';
import { ROOT } from './cli.ts';
import { isAlive } from './wait.ts';

/**
 * Lays out a project that is nothing but our record and, where its programs belong, a fake server.
 */
export async function makeProject(
  directory: string,
  { stack = 'flask', installed = true }: { stack?: StackName; installed?: boolean } = {},
): Promise<void> {
  const python = stack === 'flask' || stack === 'fastapi';
  const answers = {
    name: 'fake',
    stack,
    addons: [],
    model: 'gpt-4o',
    baseUrl: 'https://api.openai.com/v1',
    packageManager: python ? 'pip' : 'npm',
  };
  const record = JSON.stringify({ format: 1, version: '0.0.0', answers });
  await write(join(directory, '.llm-api/project.json'), record);
  if (!installed) return;
  const server = await readFile(join(ROOT, 'test/harness/fake-server.cjs'), 'utf8');
  const programs = python
    ? ['.venv/bin/python', '.venv/bin/gunicorn']
    : ['node_modules/.bin/tsx', 'dist/server.js'];
  for (const program of programs) await writeProgram(join(directory, program), server);
}

/** A script for Node that runs under any name. */
export async function writeProgram(path: string, script: string): Promise<void> {
  await write(path, `#!${process.execPath}\n${script}`);
  await chmod(path, 0o755);
}

/** The processes that the fake server has noted: itself and its children. */
export async function readPids(directory: string): Promise<number[]> {
  const text = await readFile(join(directory, 'pids'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** Those that still run. One that has ended and waits for its parent to notice does not. */
export async function readSurvivors(directory: string): Promise<number[]> {
  const survivors: number[] = [];
  for (const pid of await readPids(directory)) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (isAlive(pid) && !/^\d+ \(.*\) Z/.test(stat)) survivors.push(pid);
  }
  return survivors;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
