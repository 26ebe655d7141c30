import { createServer } from 'node:net';

/** Below what systems give to connections that go out: no client takes one meanwhile. */
const RANGE = { from: 12_000, to: 32_000 } as const;

/** A port of loopback that was free a moment ago, and that nobody else is likely to be told of. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = RANGE.from + Math.floor(Math.random() * (RANGE.to - RANGE.from));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
