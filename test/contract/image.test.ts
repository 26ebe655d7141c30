import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { layoutOf } from '../../src/core/stacks.ts';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { findFreePort } from '../harness/free-port.ts';
import { describeProjects } from './describe.ts';
import { bearer, CALLER_KEYS, cleanEnvironment, serverEnvironment } from './environment.ts';
import { eventually } from './eventually.ts';
import { generate, send } from './http.ts';
import { contain, type Image, layOutImage, readImage, removeLayout } from './image.ts';
import { type Program, runProgram, startProgram, stopProgram } from './program.ts';

const [KEY] = CALLER_KEYS;

describeProjects('as in its image', {}, (project) => {
  let mock: Mock;
  let image: Image;
  let layout: string;
  let server: Program | undefined;

  beforeAll(async () => {
    mock = await startMock();
    image = await readImage(project);
    layout = await layOutImage(project, image);
  });
  afterEach(async () => {
    if (server && !server.hasEnded()) await stopProgram(server);
  });
  afterAll(async () => {
    await mock.close();
    await removeLayout(layout);
  });

  test('starts without root and a disk to write to, is well, answers, and ends on SIGTERM', async () => {
    const port = String(await findFreePort());
    const env = { ...serverEnvironment(mock.url), API_KEYS: KEY, PORT: port };
    const { argv, env: outside } = await contain(project, layout, image, env);
    const program = startProgram(argv, { cwd: layout, env: { ...outside } });
    server = program;

    expect(image.env).toMatchObject({ APP_ENV: 'production', HOST: '0.0.0.0' });
    const check = () =>
      runProgram(image.healthcheck, {
        cwd: layout,
        env: { ...cleanEnvironment(), PATH: `${layout}/.venv/bin:${process.env.PATH}`, PORT: port },
      });
    const deadline = Date.now() + 30_000;
    while ((await check()).code !== 0) {
      if (program.hasEnded() || Date.now() > deadline) throw new Error(program.output());
    }
    const answer = await send(`http://127.0.0.1:${port}`, generate({}, bearer(KEY)));
    expect(answer.status, program.output()).toBe(200);
    // It is the process that the container was started with: no shell is in between.
    expect(await stopProgram(program), program.output()).toBe(0);
    expect((await check()).code, 'the health check of a server that is gone').toBe(1);
  });

  if (layoutOf(project.stack) === 'simple') return;

  test('streams and runs several processes there as well', async () => {
    const port = String(await findFreePort());
    const env = { ...serverEnvironment(mock.url), API_KEYS: KEY, PORT: port, WORKERS: '2' };
    const { argv, env: outside } = await contain(project, layout, image, env);
    const program = startProgram(argv, { cwd: layout, env: { ...outside } });
    server = program;
    const url = `http://127.0.0.1:${port}`;
    const isWell = async () => expect((await send(url, { path: '/healthz' })).status).toBe(200);
    await eventually(isWell, 30);
    const answer = await send(url, generate({ stream: true }, bearer(KEY)));
    expect(answer.status).toBe(200);
    expect((await send(url, { path: '/metrics' })).status, program.output()).toBe(200);
    expect(await stopProgram(program), program.output()).toBe(0);
  });
});
