import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeServers } from './describe.ts';

/** What uvicorn and Node would wait by themselves; proxies keep a connection for 60 s. */
const TOO_SHORT = 5000;

describeServers('a connection without a request', { layout: 'async' }, (api) => {
  test('stays open for longer than a proxy would reuse it after', { timeout: 20_000 }, async ({
    onTestFinished,
  }) => {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 200');
    const closed = once(socket, 'close').then(() => 'closed');
    expect(await Promise.race([closed, sleep(TOO_SHORT + 1500, 'open')])).toBe('open');
  });
});
