/** The first requests after Redis is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { serverEnvironment } from '../contract/environment.ts';
import { generate, send } from '../contract/http.ts';
import { startOwnServer } from '../contract/own.ts';
import { stopProgram } from '../contract/program.ts';
import { HAS_REDIS, startRedis } from './redis.ts';

const QUOTA = 10;

describeProjects('once Redis is back', HAS_REDIS, ({ directory }) => {
  test.each(['open', 'closed'])('whoever comes is counted there, REDIS_FAIL=%s', async (mode) => {
    const [mock, redis] = await Promise.all([startMock(), startRedis()]);
    const { url, program } = await startOwnServer(directory, {
      ...serverEnvironment(mock.url),
      RATE_LIMIT: `${QUOTA}/hour`,
      REDIS_URL: redis.url,
      REDIS_FAIL: mode,
    });
    await redis.kill();
    for (let count = 0; count < 3; count++) {
      expect((await send(url, generate())).status).toBe(mode === 'open' ? 200 : 503);
    }
    await redis.start();
    // Nobody asks for so long that all who come now come first.
    await sleep(2000);
    const asked = Array.from({ length: 2 * QUOTA }, () => send(url, generate()));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([...Array(QUOTA).fill(200), ...Array(QUOTA).fill(429)]);
    await stopProgram(program);
    await Promise.all([mock.close(), redis.close()]);
  });
});
