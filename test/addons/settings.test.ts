import { expect, test } from 'vitest';
import { describeProjects } from '../contract/describe.ts';
import { startOwn } from '../contract/own.ts';
import { stopProgram, withDeadline } from '../contract/program.ts';
import { findFreePort } from '../harness/free-port.ts';
import { HAS_REDIS } from './redis.ts';

const SECRET = 'geheim';

const MISTAKES = {
  redis: {
    REDIS_URL: `http://user:${SECRET}@127.0.0.1`,
    REDIS_FAIL: SECRET,
    IDEMPOTENCY_TTL: '0',
    CACHE_TTL: '-1',
  },
  opentelemetry: {
    OTEL_EXPORTER_OTLP_ENDPOINT: SECRET,
    OTEL_EXPORTER_OTLP_HEADERS: SECRET,
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: SECRET,
  },
};

describeProjects('wrong settings of add-ons', HAS_REDIS, ({ directory }) => {
  test.each([
    ['redis', '1'],
    ['redis', '2'],
    ['opentelemetry', '1'],
  ] as const)('are all told by their names: %s, workers: %s', async (addon, workers) => {
    const env = { PORT: String(await findFreePort()), WORKERS: workers, ...MISTAKES[addon] };
    const program = await startOwn(directory, env);
    const code = await withDeadline(program.ended, 20);
    if (code === undefined) await stopProgram(program);
    for (const name of Object.keys(MISTAKES[addon])) expect(program.output()).toContain(name);
    expect(program.output()).not.toContain(SECRET);
    expect(code).toBe(1);
  });

  // No client of Redis can read it, and what they throw may quote it.
  test.each(['127.0.0.1:notaport/0', '127.0.0.1/notadb', '127.0.0.1/0?db=x'])(
    'the password is not shown where the address of Redis is none: %s',
    async (address) => {
      const REDIS_URL = `redis://:${SECRET}@${address}`;
      const program = await startOwn(directory, { PORT: String(await findFreePort()), REDIS_URL });
      const code = await withDeadline(program.ended, 20);
      if (code === undefined) await stopProgram(program);
      expect(program.output()).toContain('REDIS_URL');
      expect(program.output()).not.toContain(SECRET);
      expect(program.output()).not.toMatch(/^\s+at |Traceback/m);
      expect(code).toBe(1);
    },
  );
});
