import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort, isPortFree } from '../../src/effects/ports.ts';

async function listen(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test.each(['127.0.0.1', '0.0.0.0'])('a server on %s takes the port', async (host) => {
  const port = await listen(host);
  expect(await isPortFree('127.0.0.1', port)).toBe(false);
  expect(await isPortFree('0.0.0.0', port)).toBe(false);
  expect(await findFreePort('127.0.0.1', port)).toBeGreaterThan(port);
});

test('an address that is not of this machine is an error that names it', async () => {
  await expect(isPortFree('192.0.2.1', 8000)).rejects.toThrow('has no address 192.0.2.1');
});
