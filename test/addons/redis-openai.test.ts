/** What the one add-on keeps is none of the other's business. */
import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { serverEnvironment } from '../contract/environment.ts';
import { generate, send } from '../contract/http.ts';
import { startOwnServer } from '../contract/own.ts';
import { stopProgram } from '../contract/program.ts';
import { chat } from './chat.ts';
import { HAS_REDIS, startRedis } from './redis.ts';

describeProjects('/v1/chat/completions with a cache', HAS_REDIS, ({ directory }) => {
  test('asks the provider each time', async ({ onTestFinished }) => {
    const [mock, redis] = await Promise.all([startMock(), startRedis()]);
    const server = await startOwnServer(directory, {
      ...serverEnvironment(mock.url),
      REDIS_URL: redis.url,
      CACHE_TTL: '60',
    });
    onTestFinished(async () => {
      await stopProgram(server.program);
      await Promise.all([mock.close(), redis.close()]);
    });
    const key = { 'Idempotency-Key': 'same' };
    const { status: generated } = await send(server.url, generate());
    const answers = [
      await send(server.url, chat({}, key)),
      await send(server.url, chat({}, key)),
      // The very call that POST /generate makes.
      await send(server.url, chat({ max_completion_tokens: 64 }, key)),
      await send(server.url, chat({ stream: true }, key)),
      await send(server.url, chat({ stream: true }, key)),
    ];
    expect([generated, ...answers.map(({ status }) => status)]).toEqual(Array(6).fill(200));
    for (const { headers } of answers) {
      expect(headers['cache-status']).toBeUndefined();
      expect(headers['idempotent-replayed']).toBeUndefined();
    }
    expect(mock.counts.received).toBe(6);
  });
});
