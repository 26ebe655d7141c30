import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { copyProject } from './copy.ts';
import { describeProjects, describeServers } from './describe.ts';
import { serverEnvironment, TIMEOUTS } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { generate, send } from './http.ts';
import { expectProblem } from './problem.ts';
import { type Server, startServer } from './server.ts';

/** All that a request may take, and what a busy machine adds. */
const REQUEST_MS = 1000 * (TIMEOUTS.request + 2);

describeServers('when the upstream is slow', { layout: 'async' }, (api) => {
  test.each(['hang', 'stall', 'drip', 'slow-first-token'] as const)(
    '%s: upstream-timeout',
    async (fault) => {
      api.mock.setFault(fault);
      const start = Date.now();
      expectProblem(await api.generate(), 'upstream-timeout');
      expect(Date.now() - start).toBeLessThan(REQUEST_MS);
      await eventually(() => expect(api.mock.counts.open).toBe(0));
    },
  );

  test.each(['hang', 'slow-first-token'] as const)(
    '%s: upstream-timeout as a real status for a stream',
    async (fault) => {
      api.mock.setFault(fault);
      const start = Date.now();
      expectProblem(await api.generate({ stream: true }), 'upstream-timeout');
      expect(Date.now() - start).toBeLessThan(REQUEST_MS);
      await eventually(() => expect(api.mock.counts.open).toBe(0));
    },
  );
});

describeServers(
  'while the upstream thinks',
  { layout: 'async', env: { IDLE_TIMEOUT: '25', REQUEST_TIMEOUT: '30' } },
  (api) => {
    test('says : ping after 15 s, so that no proxy hangs up', async () => {
      api.mock.setFault('stall');
      const answer = await api.stream();
      await waitForToken(answer);
      const start = Date.now();
      await eventually(() => expect(answer.received()).toMatch(/\n\n: ping\n\n$/), 20);
      expect(Date.now() - start).toBeGreaterThan(10_000);
      answer.leave();
    });
  },
);

/** The prototypes have one constant where the async stacks have settings: people edit it. */
const CONSTANTS = {
  flask: { file: 'app.py', from: /^TIMEOUT = [\d._]+/m, to: 'TIMEOUT = 1.0' },
  express: { file: 'server.ts', from: /\bDEADLINE_MS = [\d_]+/, to: 'DEADLINE_MS = 1_000' },
} as const;

describeProjects('when the upstream is slow', { layout: 'simple' }, ({ stack, directory }) => {
  let mock: Mock;
  let server: Server | undefined;

  beforeAll(async () => {
    const { file, from, to } = CONSTANTS[stack as keyof typeof CONSTANTS];
    const copy = await copyProject(directory);
    const path = join(copy, file);
    const source = await readFile(path, 'utf8');
    expect(source).toMatch(from);
    await writeFile(path, source.replace(from, to));
    mock = await startMock();
    server = await startServer({
      directory: copy,
      command: 'dev',
      env: serverEnvironment(mock.url),
    });
  });
  afterAll(async () => {
    await server?.stop();
    await mock.close();
  });

  test.each(['hang', 'stall', 'drip', 'slow-first-token'] as const)(
    '%s: upstream-timeout',
    async (fault) => {
      mock.reset();
      mock.setFault(fault);
      const answer = await send(server?.url ?? '', generate());
      expectProblem(answer, 'upstream-timeout');
      await eventually(() => expect(mock.counts.open).toBe(0));
    },
  );
});
