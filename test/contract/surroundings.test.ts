import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { copyProject } from './copy.ts';
import { describeProjects } from './describe.ts';
import { serverEnvironment } from './environment.ts';
import { generate, send } from './http.ts';
import { type OwnServer, startOwnServer } from './own.ts';
import { stopProgram } from './program.ts';

describeProjects('where it runs', {}, ({ stack, directory }) => {
  let mock: Mock;
  let home: string;
  let server: OwnServer | undefined;

  beforeAll(async () => {
    mock = await startMock();
  });
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'contract-home-'));
  });
  afterEach(async () => {
    if (server) await stopProgram(server.program);
    server = undefined;
    await rm(home, { recursive: true });
  });
  afterAll(() => mock.close());

  test('writes nothing into the home folder, which may be read-only', async () => {
    server = await startOwnServer(directory, { ...serverEnvironment(mock.url), HOME: home });
    expect((await send(server.url, generate())).status).toBe(200);
    expect(await readdir(home, { recursive: true })).toEqual([]);
  });

  test('starts whatever the environment says to telemetry, of which it has none', async () => {
    server = await startOwnServer(directory, {
      ...serverEnvironment(mock.url),
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_TRACES_EXPORTER: 'otlp',
    });
    expect((await send(server.url, generate())).status).toBe(200);
  });

  if (stack !== 'flask') return;

  test('ends an answer that takes longer than the worker’s timeout', async () => {
    const copy = await copyProject(directory);
    const path = join(copy, 'gunicorn.conf.py');
    const config = await readFile(path, 'utf8');
    expect(config).toMatch(/^timeout = .+$/m);
    await writeFile(path, config.replace(/^timeout = .+$/m, 'timeout = 1'));
    mock.setPace({ timeToFirstToken: 4000 });
    server = await startOwnServer(copy, serverEnvironment(mock.url));
    expect((await send(server.url, generate())).status).toBe(200);
  });
});
