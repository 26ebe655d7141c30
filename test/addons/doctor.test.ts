import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeProjects } from '../contract/describe.ts';
import { runDoctor } from '../contract/run-doctor.ts';
import { type Redis, startRedis } from './redis.ts';

describeProjects('doctor', { layout: 'async' }, ({ directory }) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  test('finds the Redis that answers', async () => {
    const { code, find } = await runDoctor(directory, { REDIS_URL: redis.url });
    expect({ code, redis: find('redis') }).toEqual({
      code: 0,
      redis: { name: 'redis', verdict: 'good', text: `${redis.url} answers` },
    });
  });

  test('tells one that refuses us from one that is not there, and shows no password', async () => {
    const at = redis.url.replace('redis://', '');
    const refused = await runDoctor(directory, { REDIS_URL: `redis://me:canary@${at}` });
    expect(refused.code).toBe(1);
    expect(refused.find('redis')?.text).toBe(`redis://…@${at} refuses us (WRONGPASS)`);
    expect(JSON.stringify(refused.bad)).not.toContain('canary');
    await redis.kill();
    const gone = await runDoctor(directory, { REDIS_URL: redis.url });
    expect(gone.find('redis')).toMatchObject({
      verdict: 'bad',
      text: `${redis.url} does not answer (ECONNREFUSED)`,
      mend: 'Start Redis there, or correct REDIS_URL',
    });
  });

  test('says how an address is written', async () => {
    const { find } = await runDoctor(directory, { REDIS_URL: 'localhost' });
    expect(find('redis')).toMatchObject({
      verdict: 'bad',
      mend: 'Write it as redis://127.0.0.1:6379/0',
    });
  });
});
