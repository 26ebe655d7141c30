import { once } from 'node:events';
import { WebSocket } from 'undici';
import { expect, test, vi } from 'vitest';
import { chunk, startApp, streaming } from './support.js';

const play = streaming(chunk('Hel'), chunk('lo'), chunk('', 'stop'), 'data: [DONE]\n\n');
const hi = JSON.stringify({ prompt: 'Hi' });
/** injectWS has no address to count by. */
const unlimited = { RATE_LIMIT: '0' };

async function connect(app: Awaited<ReturnType<typeof startApp>>['app'], headers = {}) {
  const socket = await app.injectWS('/generate/ws', { headers });
  const said: Record<string, unknown>[] = [];
  socket.on('message', (data) => said.push(JSON.parse(String(data))));
  const hears = (count: number) => vi.waitFor(() => expect(said).toHaveLength(count));
  return { socket, said, hears };
}

test('each message is answered by what a stream would hold', async () => {
  const { app, log } = await startApp(play, unlimited);
  const { socket, said, hears } = await connect(app, { 'x-request-id': 'mine' });

  socket.send(hi);
  socket.send(hi);
  await hears(6);

  const one = [
    { text: 'Hel' },
    { text: 'lo' },
    { finish_reason: 'stop', model: 'test-model-1', usage: null },
  ];
  expect(said).toEqual([...one, ...one]);
  const line = { route: '/generate/ws', status: 200, outcome: 'ok' };
  await vi.waitFor(() => expect(log).toHaveLength(2));
  expect(log).toMatchObject([
    { ...line, request_id: 'mine-1' },
    { ...line, request_id: 'mine-2' },
  ]);
  socket.terminate();
});

test.each([
  ['{"prompt"', 'invalid-json'],
  ['{}', 'invalid-request'],
  [Buffer.from(hi), 'invalid-json'],
])('after %j it goes on', async (message, slug) => {
  const { app } = await startApp(play, unlimited);
  const { socket, said, hears } = await connect(app);

  socket.send(message);
  socket.send(hi);
  await hears(4);

  expect(said[0]).toMatchObject({ error: { type: `/problems/${slug}` } });
  expect(said.at(-1)).toMatchObject({ finish_reason: 'stop' });
  socket.terminate();
});

test('more than eight messages in waiting are too many', async () => {
  const { app } = await startApp(() => undefined, unlimited);
  const { socket } = await connect(app);

  for (let count = 0; count < 10; count += 1) socket.send(hi);

  expect((await once(socket, 'close'))[0]).toBe(1008);
});

test('who leaves ends the call', async () => {
  let upstreamClosed: Promise<unknown> | undefined;
  const { app, log } = await startApp((response) => {
    upstreamClosed = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('Hel'));
  }, unlimited);
  const url = await app.listen({ port: 0 });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/generate/ws`);
  await once(socket, 'open');
  socket.send(hi);
  await once(socket, 'message');

  socket.close();

  await vi.waitFor(() => expect(log.at(-1)).toMatchObject({ outcome: 'client_closed' }));
  await upstreamClosed;
});

test.each([
  ['http://evil.example', {}, false],
  ['null', {}, false],
  ['http://localhost:80', {}, true],
  ['https://app.example.com', { CORS_ORIGINS: 'https://app.example.com' }, true],
  ['http://evil.example', { CORS_ORIGINS: '*' }, true],
])('a page of %s, with %j, may connect: %s', async (origin, env, isAllowed) => {
  const { app } = await startApp(play, env);

  const connected = app.injectWS('/generate/ws', { headers: { origin, host: 'localhost:80' } });

  if (isAllowed) (await connected).terminate();
  else await expect(connected).rejects.toThrow('403');
});

test('a handshake without a key is refused', async () => {
  const { app } = await startApp(play, { API_KEYS: 'first' });

  await expect(app.injectWS('/generate/ws')).rejects.toThrow('401');
});
