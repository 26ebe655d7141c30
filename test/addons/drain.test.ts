/** A stop while requests wait for Redis, before they have got to the model. */
import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { serverEnvironment } from '../contract/environment.ts';
import { generate, send } from '../contract/http.ts';
import { startOwnServer } from '../contract/own.ts';
import { withDeadline } from '../contract/program.ts';
import { chat } from './chat.ts';
import { HAS_REDIS, startRedis } from './redis.ts';

describeProjects('a stop while Redis says nothing', HAS_REDIS, ({ directory }) => {
  test('lets who was accepted have an answer', async () => {
    const [mock, redis] = await Promise.all([startMock(), startRedis()]);
    mock.setPace({ timeToFirstToken: 500 });
    const { url, program } = await startOwnServer(directory, {
      ...serverEnvironment(mock.url),
      RATE_LIMIT: '100/minute',
      DRAIN_TIMEOUT: '10',
      REDIS_URL: redis.url,
      REDIS_FAIL: 'open',
    });
    expect((await send(url, generate())).status).toBe(200);
    redis.freeze();
    const asked = [generate(), generate({ stream: true }), chat(), chat({ stream: true })];
    const answers = [...asked, { path: '/v1/models' }].map((each) => send(url, each));
    // It has read them when it answers who came after them, and Redis keeps them waiting.
    await send(url, { path: '/healthz' });
    program.kill('SIGTERM');
    const settled = await Promise.allSettled(answers);
    const ends = settled.map((each) =>
      each.status === 'fulfilled' ? each.value.status : String(each.reason),
    );
    expect(ends).toEqual([200, 200, 200, 200, 200]);
    for (const index of [1, 3]) {
      expect((await answers[index])?.text).toMatch(/data: \[DONE\]\n\n$/);
    }
    expect(await withDeadline(program.ended, 10)).toBe(0);
    await Promise.all([mock.close(), redis.close()]);
  });
});
