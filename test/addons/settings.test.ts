import { expect, test } from 'vitest';
import { describeProjects } from '../contract/describe.ts';
import { startOwn } from '../contract/own.ts';
import { stopProgram, withDeadline } from '../contract/program.ts';
import { findFreePort } from '../harness/free-port.ts';
import { HAS_REDIS } from './redis.ts';

const SECRET = 'geheim';

describeProjects('wrong settings of add-ons', HAS_REDIS, ({ directory }) => {
  const mistakes = {
    REDIS_URL: `http://user:${SECRET}@127.0.0.1`,
    REDIS_FAIL: SECRET,
    IDEMPOTENCY_TTL: '0',
    CACHE_TTL: '-1',
  };

  test.each(['1', '2'])('are all told by their names, workers: %s', async (workers) => {
    const port = String(await findFreePort());
    const program = await startOwn(directory, { PORT: port, WORKERS: workers, ...mistakes });
    const code = await withDeadline(program.ended, 20);
    if (code === undefined) await stopProgram(program);
    for (const name of Object.keys(mistakes)) expect(program.output()).toContain(name);
    expect(program.output()).not.toContain(SECRET);
    expect(code).toBe(1);
  });
});
