import { join } from 'node:path';
import { inject } from 'vitest';
import type { Finding } from '../../src/core/doctor.ts';
import { findFreePort } from '../harness/free-port.ts';
import { cleanEnvironment } from './environment.ts';
import { runProgram } from './program.ts';

const target = inject('target');
const tool = target.kind === 'projects' ? target.tool : '';

type Env = Readonly<Record<string, string>>;

/** What `llm-api doctor` says of a project, with these on top of a clean environment. */
export async function runDoctor(directory: string, env: Env) {
  const argv = [process.execPath, join(tool, 'bin/llm-api.js'), 'doctor', directory, '--json'];
  const port = String(await findFreePort());
  const options = { cwd: tool, env: { ...cleanEnvironment(), PORT: port, ...env } };
  const { code, output } = await runProgram(argv, options);
  // What comes before is for people: that a machine is slow.
  const { checks } = JSON.parse(output.slice(output.indexOf('{'))) as { checks: Finding[] };
  const find = (name: string) => checks.find((check) => check.name === name);
  return { code, bad: checks.filter(({ verdict }) => verdict === 'bad'), find };
}
