import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import type { Finding } from '../../src/core/doctor.ts';
import { describeProjects } from './describe.ts';
import { cleanEnvironment } from './environment.ts';
import { findFreePort, runProgram } from './program.ts';

const target = inject('target');
const tool = target.kind === 'projects' ? target.tool : '';

describeProjects('doctor', {}, ({ directory }) => {
  test('finds what was really installed in step with the lock, and nothing bad', async () => {
    const argv = [process.execPath, join(tool, 'bin/llm-api.js'), 'doctor', directory, '--json'];
    const env = { ...cleanEnvironment(), PORT: String(await findFreePort()) };
    const { code, output } = await runProgram(argv, { cwd: tool, env });
    // What comes before is for people: that a machine is slow.
    const { checks } = JSON.parse(output.slice(output.indexOf('{'))) as {
      readonly checks: readonly Finding[];
    };
    expect(checks.filter(({ verdict }) => verdict === 'bad')).toEqual([]);
    expect(code).toBe(0);
    expect(checks.find(({ name }) => name === 'dependencies')?.text).toMatch(
      /^\d{2,} packages as in (package-lock\.json|requirements-dev\.txt)$/,
    );
  });
});
