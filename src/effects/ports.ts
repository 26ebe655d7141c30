import { connect, createServer } from 'node:net';
import { reachableHost } from '../core/address.ts';
import { CliError } from '../core/errors.ts';

const PORTS_TO_TRY = 100;

/**
 * Whether nobody listens there yet.
 * @throws CliError when this machine has no such address, or the port needs rights we lack
 */
export async function isPortFree(host: string, port: number): Promise<boolean> {
  // macOS and Windows let a second server bind one address of a port that is taken on all of them.
  return (await canListen(host, port)) && !(await canConnect(reachableHost(host), port));
}

/** @throws CliError when a hundred ports in a row are taken */
export async function findFreePort(host: string, from: number): Promise<number> {
  for (let port = from; port < from + PORTS_TO_TRY; port++) {
    if (await isPortFree(host, port)) return port;
  }
  throw new CliError(`The ports ${from} to ${from + PORTS_TO_TRY - 1} on ${host} are all taken.`, {
    hint: 'Name a free one with --port.',
  });
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(describeError(error, host, port));
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 500 });
    const answer = (connected: boolean) => () => {
      socket.destroy();
      resolve(connected);
    };
    socket
      .once('connect', answer(true))
      .once('error', answer(false))
      .once('timeout', answer(false));
  });
}

function describeError(error: NodeJS.ErrnoException, host: string, port: number): CliError {
  const text: Readonly<Record<string, string>> = {
    EACCES: `You may not listen on port ${port}: the system keeps it for itself.`,
    EADDRNOTAVAIL: `This machine has no address ${host}.`,
    ENOTFOUND: `There is no host called ${host}.`,
    EAI_AGAIN: `There is no host called ${host}.`,
  };
  return new CliError(
    text[error.code ?? ''] ?? `Nobody can listen on ${host}, port ${port} (${error.code}).`,
    { hint: 'Choose another with --host and --port.', cause: error },
  );
}
