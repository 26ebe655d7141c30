import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeProjects } from './describe.ts';
import { serverEnvironment } from './environment.ts';
import { eventually } from './eventually.ts';
import { generate } from './http.ts';
import { type OwnServer, startOwnServer } from './own.ts';
import { stopProgram } from './program.ts';
import { talk } from './socket.ts';

/** What sockets hold between them: Linux lets each of the two that read grow to 32 MiB. */
const MOST = 96 * 1024 * 1024;
const ENOUGH = 3 * MOST;

/** An upstream that says as much as it is let: the mock does not wait for its readers. */
interface Talkative {
  readonly url: string;
  /** Bytes that were taken from it. */
  said(): number;
  open(): number;
  reset(): void;
  close(): void;
}

describeProjects('a client that does not read', { layout: 'async' }, ({ directory }) => {
  let upstream: Talkative;
  let server: OwnServer;
  beforeAll(async () => {
    upstream = await startTalkative();
    server = await startOwnServer(directory, {
      ...serverEnvironment(upstream.url),
      IDLE_TIMEOUT: '20',
      REQUEST_TIMEOUT: '20',
    });
  });
  afterAll(async () => {
    await stopProgram(server.program);
    upstream.close();
  });

  test('holds the upstream back, over a WebSocket', async () => {
    const socket = await talk(server.url);
    socket.pause();
    socket.ask();
    await expectHeldBack();
    socket.leave();
    await eventually(() => expect(upstream.open()).toBe(0));
  });

  test('holds the upstream back, in a stream', async () => {
    upstream.reset();
    const { connect } = await import('node:net');
    const { hostname, port } = new URL(server.url);
    const { headers = {}, body = '' } = generate({ stream: true });
    const head = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body as string) })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    // A socket that nobody reads from: `http` reads ahead.
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(`POST /generate HTTP/1.1\r\nHost: x\r\n${head}\r\n${body}`);
    await expectHeldBack();
    socket.destroy();
    await eventually(() => expect(upstream.open()).toBe(0));
  });

  /** It says no more after a while, and that is far from all that it has to say. */
  async function expectHeldBack(): Promise<void> {
    await eventually(() => expect(upstream.said()).toBeGreaterThan(0));
    let last = -1;
    let since = Date.now();
    await eventually(() => {
      const now = upstream.said();
      if (now !== last) [last, since] = [now, Date.now()];
      expect(Date.now() - since, 'silent for a second').toBeGreaterThan(1000);
    }, 15);
    expect(last).toBeLessThan(MOST);
    expect(upstream.open()).toBe(1);
  }
});

async function startTalkative(): Promise<Talkative> {
  let said = 0;
  let open = 0;
  const text = 'x'.repeat(1000);
  const chunk = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'x' };
  const choices = [{ index: 0, delta: { role: 'assistant', content: text }, finish_reason: null }];
  const event = `data: ${JSON.stringify({ ...chunk, choices })}\n\n`.repeat(16);
  const server: Server = createServer((request, response) => {
    request.resume();
    open++;
    response.on('close', () => open--);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let own = 0;
    const go = () => {
      while (own < ENOUGH && !response.destroyed) {
        own += event.length;
        const more = response.write(event, () => {
          said += event.length;
        });
        if (!more) return void response.once('drain', go);
      }
    };
    go();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    said: () => said,
    open: () => open,
    reset: () => {
      said = 0;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
