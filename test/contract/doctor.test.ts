import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { findFreePort } from '../harness/free-port.ts';
import { describeProjects } from './describe.ts';
import { serverEnvironment } from './environment.ts';
import { generate, send } from './http.ts';
import { startOwnServer } from './own.ts';
import { stopProgram } from './program.ts';
import { runDoctor } from './run-doctor.ts';

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
