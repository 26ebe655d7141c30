import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { ask, chat, useMock } from './ask.ts';

test('its URL is what a client wants for a base URL', async () => {
  const mock = await useMock();
  expect(mock.url).toBe(`http://127.0.0.1:${mock.port}/v1`);
});

test('an address for all of the machine is named by one that can be reached', async () => {
  const mock = await useMock({ host: '0.0.0.0' });
  expect(mock.url).toBe(`http://127.0.0.1:${mock.port}/v1`);
  expect((await ask(mock, '/models')).status).toBe(200);
});

test('a port in use is an error with a code', async () => {
  const { port } = await useMock();
  await expect(startMock({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('close ends open connections at once, as often as it is called', async () => {
  const mock = await startMock({ fault: 'stall' });
  const open = await fetch(`${mock.url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(chat({ stream: true })),
  });
  await Promise.all([mock.close(), mock.close()]);
  await expect(open.text()).rejects.toThrow('terminated');
  expect(mock.counts, 'the caller did not leave').toMatchObject({ clientLeft: 0, faulted: 1 });
  await expect(ask(mock, '/models')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});
