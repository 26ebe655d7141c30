import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from './describe.ts';
import { findLeaks, serverEnvironment } from './environment.ts';
import { eventually } from './eventually.ts';
import { generate, send } from './http.ts';
import { readMetrics, total } from './metrics.ts';
import { type OwnServer, startOwnServer } from './own.ts';
import { withDeadline } from './program.ts';

const WORKERS = 2;

describeProjects('two workers', { layout: 'async' }, ({ directory }) => {
  let mock: Mock;
  let server: OwnServer;
  beforeAll(async () => {
    mock = await startMock();
    const env = {
      ...serverEnvironment(mock.url),
      WORKERS: String(WORKERS),
      DRAIN_TIMEOUT: '5',
      REQUEST_TIMEOUT: '20',
      IDLE_TIMEOUT: '20',
    };
    server = await startOwnServer(directory, env);
    await eventually(async () => expect(await listWorkers()).toHaveLength(WORKERS), 20);
  });
  beforeEach(() => mock.reset());
  afterAll(() => mock.close());

  test('say at the start that limits are of each process', () => {
    const lines = server.program.output().split('\n');
    const honest = lines.filter((line) => /limit/i.test(line) && /worker|process/i.test(line));
    expect(honest, server.program.output()).toHaveLength(1);
    expect(honest[0]).toContain(String(WORKERS));
  });

  test('count as one', async () => {
    const labels = { method: 'POST', route: '/generate', status: '200' };
    const count = async () =>
      total(await readMetrics(server.url), 'llm_api_requests_total', labels);
    const before = await count();
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => send(server.url, generate())),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await eventually(async () => expect(await count()).toBe(before + 30));
    const counts = await Promise.all(Array.from({ length: 10 }, count));
    expect(new Set(counts), 'whichever worker is asked').toEqual(new Set([before + 30]));
  });

  test('show together what runs', async () => {
    mock.setPace({ timeToFirstToken: 2000 });
    const running = Array.from({ length: 10 }, () => send(server.url, generate()));
    await eventually(() => expect(mock.counts.open).toBe(10));
    const inFlight = async () => total(await readMetrics(server.url), 'llm_api_in_flight');
    for (let attempt = 0; attempt < 4; attempt++) expect(await inFlight()).toBe(10);
    await Promise.all(running);
    await eventually(async () => expect(await inFlight()).toBe(0));
  });

  test('are two again after one has died', async () => {
    const before = await listWorkers();
    process.kill(before[0] as number, 'SIGKILL');
    await eventually(async () => {
      const now = await listWorkers();
      expect(now).toHaveLength(WORKERS);
      expect(now).not.toContain(before[0]);
    }, 20);
    await eventually(async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => send(server.url, generate())),
      );
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    });
    // What ran on the dead one runs no more.
    await eventually(async () =>
      expect(total(await readMetrics(server.url), 'llm_api_in_flight')).toBe(0),
    );
  });

  test('end together, with 0', async () => {
    const workers = await listWorkers();
    server.program.kill('SIGTERM');
    expect(await withDeadline(server.program.ended, 8)).toBe(0);
    for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow();
    expect(findLeaks(server.program.output())).toEqual([]);
  });

  /** The children of the server, without the helper that Python starts beside them. */
  async function listWorkers(): Promise<number[]> {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,args=']);
    return stdout
      .split('\n')
      .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
      .filter(
        ([, , parent, args = '']) =>
          Number(parent) === server.program.pid && !/resource_tracker|<defunct>/.test(args),
      )
      .map(([, pid]) => Number(pid));
  }
});
