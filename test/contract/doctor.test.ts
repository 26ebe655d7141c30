import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import type { Finding } from '../../src/core/doctor.ts';
import { startMock } from '../../src/mock/index.ts';
import { findFreePort } from '../harness/free-port.ts';
import { describeProjects } from './describe.ts';
import { cleanEnvironment, serverEnvironment } from './environment.ts';
import { generate, send } from './http.ts';
import { startOwnServer } from './own.ts';
import { runProgram, stopProgram } from './program.ts';

const target = inject('target');
const tool = target.kind === 'projects' ? target.tool : '';

type Env = Readonly<Record<string, string>>;

async function runDoctor(directory: string, env: Env) {
  const argv = [process.execPath, join(tool, 'bin/llm-api.js'), 'doctor', directory, '--json'];
  const port = String(await findFreePort());
  const options = { cwd: tool, env: { ...cleanEnvironment(), PORT: port, ...env } };
  const { code, output } = await runProgram(argv, options);
  // What comes before is for people: that a machine is slow.
  const { checks } = JSON.parse(output.slice(output.indexOf('{'))) as { checks: Finding[] };
  const find = (name: string) => checks.find((check) => check.name === name);
  return { code, bad: checks.filter(({ verdict }) => verdict === 'bad'), find };
}

describeProjects('doctor', {}, ({ directory }) => {
  test('finds what was really installed in step with the lock, and nothing bad', async () => {
    const { code, bad, find } = await runDoctor(directory, {});
    expect({ code, bad }).toEqual({ code: 0, bad: [] });
    expect(find('dependencies')?.text).toMatch(
      /^\d{2,} packages as in (package-lock\.json|requirements-dev\.txt)$/,
    );
  });

  test('says truly whether the server takes a proxy', async ({ onTestFinished }) => {
    const mock = await startMock();
    onTestFinished(() => mock.close());
    const nobody = `http://127.0.0.1:${await findFreePort()}`;
    const proxy = { HTTP_PROXY: nobody, http_proxy: nobody, NO_PROXY: '', no_proxy: '' };
    const env = { ...serverEnvironment(mock.url), ...proxy, MAX_RETRIES: '0' };
    const { program, url } = await startOwnServer(directory, env);
    onTestFinished(async () => void (await stopProgram(program)));
    const { status } = await send(url, generate());
    const { find } = await runDoctor(directory, { ...proxy, OPENAI_BASE_URL: mock.url });
    const taken = find('proxy')?.text.includes(`called through ${nobody}`);
    expect({ status, asked: mock.requests.length }).toEqual(
      taken ? { status: 502, asked: 0 } : { status: 200, asked: 1 },
    );
  });
});
