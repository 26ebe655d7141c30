import { hideSecrets } from './address.ts';
import { bad, good, type Judgement } from './doctor.ts';
import type { StackName } from './stacks.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a server calls its provider with: each has a way of its own with proxies. */
export type HttpClient = 'aiohttp' | 'httpx' | 'fetch' | 'undici';

/** Whether it takes the proxy of the environment; Node's fetch does where it is asked to. */
const READS: Readonly<Record<HttpClient, 'always' | 'asked' | 'never'>> = {
  aiohttp: 'always',
  httpx: 'always',
  fetch: 'asked',
  undici: 'never',
};

/** The way from a server to its provider. */
export interface Route {
  readonly env: Environment;
  readonly client: HttpClient;
  /** The provider's address. */
  readonly url: string;
  /** Whether Node's fetch was told to take a proxy, and is new enough to listen. */
  readonly nodeReads: boolean;
  /** Whether httpx has what it needs for a SOCKS proxy. */
  readonly speaksSocks: boolean;
}

/** @param has whether the project has a Python package installed */
export function clientOf(stack: StackName, has: (name: string) => boolean): HttpClient {
  if (stack === 'express') return 'fetch';
  if (stack === 'fastify') return 'undici';
  // The first FastAPI projects called through the SDK, as Flask's do.
  return stack === 'flask' || (has('httpx2') && !has('aiohttp')) ? 'httpx' : 'aiohttp';
}

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'] as const;

/** Which way the server's calls take. What only takes another way than one thinks is not bad. */
export function judgeProxy(route: Route): Judgement {
  const { env, client, url } = route;
  const host = readHost(url);
  const seen = NAMES.flatMap((name) => {
    const value = readVariable(env, name);
    const shown = name === 'no_proxy' ? value : value && hideSecrets(value);
    return value === undefined ? [] : [`${nameOf(env, name)}=${shown}`];
  });
  if (seen.length === 0) return good(`none set: ${host} is called directly`);
  if (!readsProxy(route)) {
    const out = READS[client] === 'asked' ? ' (newer Nodes do: NODE_USE_ENV_PROXY=1)' : '';
    return good(`set, and not read by this server${out}: ${host} is called directly`, seen);
  }
  const proxy = findProxy(route);
  return (
    judgeSocks(route, proxy, seen) ??
    (proxy === undefined
      ? good(`set, but not for ${host}: it is called directly`, seen)
      : good(`${host} is called through ${hideSecrets(proxy)}`, seen))
  );
}

/** httpx prepares for every proxy that is named, aiohttp takes any for one that speaks HTTP. */
function judgeSocks(
  { env, client, speaksSocks }: Route,
  proxy: string | undefined,
  seen: readonly string[],
): Judgement | undefined {
  if (client === 'aiohttp' && proxy?.startsWith('socks')) {
    const mend = 'Unset it for the server, or name a proxy that speaks HTTP';
    return bad('this server does not speak SOCKS: every call of the provider fails', mend, seen);
  }
  const socks = NAMES.find((name) => readVariable(env, name)?.startsWith('socks'));
  const needed = client === 'httpx' && !speaksSocks && readVariable(env, 'no_proxy') !== '*';
  if (socks === undefined || !needed) return undefined;
  return bad(
    'httpx needs the package socksio for a SOCKS proxy: the server does not start',
    `Unset ${nameOf(env, socks)} for the server, or add socksio to its dependencies`,
    seen,
  );
}

/** The proxy that the server's calls take, where they take one; NO_PROXY names exceptions. */
export function findProxy(route: Route): string | undefined {
  const { env, client, url } = route;
  if (!readsProxy(route) || isExempt(readHost(url), readVariable(env, 'no_proxy') ?? '')) {
    return undefined;
  }
  const scheme = url.startsWith('http://') ? 'http' : 'https';
  const own = readVariable(env, `${scheme}_proxy`);
  return own ?? (client === 'httpx' ? readVariable(env, 'all_proxy') : undefined);
}

function readsProxy({ client, nodeReads }: Route): boolean {
  return READS[client] === 'always' || (READS[client] === 'asked' && nodeReads);
}

/** Without the port, as NO_PROXY mostly has it. */
function readHost(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}

function isExempt(host: string, exceptions: string): boolean {
  return exceptions.split(',').some((entry) => {
    const name = entry
      .trim()
      .toLowerCase()
      .replace(/^\*?\./, '')
      .replace(/:\d+$/, '');
    return name === '*' || (name !== '' && (host === name || host.endsWith(`.${name}`)));
  });
}

/** The one in small letters wins, as it does in curl and in Python. */
function readVariable(env: Environment, name: string): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined;
}

function nameOf(env: Environment, name: string): string {
  return env[name] ? name : name.toUpperCase();
}
