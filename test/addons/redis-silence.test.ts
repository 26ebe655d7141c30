/** A connection to Redis that dies without a word, as behind a firewall that forgets it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { serverEnvironment } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { generate, send } from '../contract/http.ts';
import { startOwnServer } from '../contract/own.ts';
import { stopProgram } from '../contract/program.ts';
import { HAS_REDIS, startRedis } from './redis.ts';

const AWAY = 'Redis does not answer at 127.0.0.1:';
const BACK = 'Redis answers again';

describeProjects('a connection to Redis that falls silent', HAS_REDIS, ({ directory }) => {
  test.for(['open', 'closed'])(
    'is dropped for a new one, REDIS_FAIL=%s',
    async (mode, { onTestFinished }) => {
      const [mock, redis] = await Promise.all([startMock(), startRedis()]);
      const proxy = await startProxy(Number(new URL(redis.url).port));
      const server = await startOwnServer(directory, {
        ...serverEnvironment(mock.url),
        RATE_LIMIT: '1000/minute',
        REDIS_URL: proxy.url,
        REDIS_FAIL: mode,
      });
      onTestFinished(async () => {
        await stopProgram(server.program);
        proxy.close();
        await Promise.all([mock.close(), redis.close()]);
      });
      const ask = async (): Promise<number> => (await send(server.url, generate())).status;
      expect(await ask()).toBe(200);
      proxy.silence();
      expect(await ask()).toBe(mode === 'open' ? 200 : 503);
      await eventually(async () => {
        expect(await ask()).toBe(200);
        expect(server.program.output()).toContain(BACK);
      });
      const answers = await Promise.all(Array.from({ length: 10 }, ask));
      expect(answers.filter((status) => status !== 200)).toEqual([]);
      // Once for the silence, and not again.
      expect(server.program.output().split(AWAY)).toHaveLength(2);
    },
  );
});

/** What is connected when it falls silent stays so, and open; who comes later gets through. */
async function startProxy(port: number): Promise<{ url: string; silence(): void; close(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.push(from);
      from.pipe(to);
      // Whoever hangs up has had enough of it.
      from.on('error', () => to.destroy());
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0`,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
