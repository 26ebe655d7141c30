import { formatUrl, parsePort } from '../core/address.ts';
import { CliError } from '../core/errors.ts';
import { findFreePort, isPortFree } from './ports.ts';
import type { Settings } from './settings.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Where the server is reached from this machine. */
  readonly url: string;
  /** Who asked for the port: the name of the flag or variable. Undefined for the default. */
  readonly askedBy: string | undefined;
}

export interface AddressFlags {
  readonly host?: string;
  readonly port?: number;
}

export const DEFAULT_PORT = 8000;

/**
 * Where the server is to listen: the flag, else the environment, else `.env`, else the default.
 * @throws CliError when PORT is no port
 */
export function planAddress(flags: AddressFlags, settings: Settings): Address {
  const host = flags.host ?? settings.get('HOST') ?? '127.0.0.1';
  const text = settings.get('PORT');
  if (flags.port !== undefined) return address(host, flags.port, '--port');
  if (text === undefined) return address(host, DEFAULT_PORT, undefined);
  const source = `PORT in ${settings.source('PORT')}`;
  const port = parsePort(text);
  if (port !== undefined) return address(host, port, source);
  throw new CliError(`${source} is ${JSON.stringify(text)}, which is not a port.`, {
    hint: 'A port is a number from 1 to 65535.',
  });
}

/** The same address when its port is free. @throws CliError naming the port when it is not */
export async function claimAddress(wanted: Address): Promise<Address> {
  const { host, port, askedBy } = wanted;
  if (await isPortFree(host, port)) return wanted;
  throw new CliError(`Port ${port} on ${host} is taken${askedBy ? ` (${askedBy})` : ''}.`, {
    hint: 'Stop what listens there, or choose another with --port.',
  });
}

/** As claimAddress, but where nobody asked for the port the next free one will do. */
export async function claimNearestAddress(wanted: Address): Promise<Address> {
  if (wanted.askedBy !== undefined) return claimAddress(wanted);
  return address(wanted.host, await findFreePort(wanted.host, wanted.port), undefined);
}

function address(host: string, port: number, askedBy: string | undefined): Address {
  return { host, port, url: formatUrl(host, port), askedBy };
}
