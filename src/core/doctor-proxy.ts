import { hideSecrets } from './address.ts';
import { bad, good, type Judgement } from './doctor.ts';
import type { StackName } from './stacks.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether a stack's calls of the provider take the proxy of the environment. Python's httpx does;
 * Node's own fetch only where NODE_USE_ENV_PROXY asks for it; a pool of undici's own never does.
 */
const READS_PROXY: Readonly<Record<StackName, 'always' | 'asked' | 'never'>> = {
  fastapi: 'always',
  flask: 'always',
  express: 'asked',
  fastify: 'never',
};

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'] as const;

interface Route {
  readonly env: Environment;
  readonly stack: StackName;
  /** The provider's address. */
  readonly url: string;
  /** Whether Node's fetch was told to, and is new enough to listen. */
  readonly nodeReads: boolean;
}

interface ProxyFacts extends Route {
  /** Whether httpx has what it needs for a SOCKS proxy. */
  readonly speaksSocks: boolean;
}

/** Which way the server's calls of the provider take. Seen, not judged: either may be right. */
export function judgeProxy({ env, stack, url, nodeReads, speaksSocks }: ProxyFacts): Judgement {
  const host = readHost(url);
  const seen = NAMES.flatMap((name) => {
    const value = readVariable(env, name);
    const shown = name === 'no_proxy' ? value : value && hideSecrets(value);
    return value === undefined ? [] : [`${nameOf(env, name)}=${shown}`];
  });
  if (seen.length === 0) return good(`none set: ${host} is called directly`);
  if (!readsProxy({ stack, nodeReads })) {
    const out = READS_PROXY[stack] === 'asked' ? ' (newer Nodes do: NODE_USE_ENV_PROXY=1)' : '';
    return good(`set, and not read by this server${out}: ${host} is called directly`, seen);
  }
  const socks = NAMES.find((name) => readVariable(env, name)?.startsWith('socks'));
  if (socks !== undefined && !speaksSocks && readVariable(env, 'no_proxy') !== '*') {
    return bad(
      'httpx needs the package socksio for a SOCKS proxy: the server does not start',
      `Unset ${nameOf(env, socks)} for the server, or add socksio to its dependencies`,
      seen,
    );
  }
  const proxy = findProxy(env, url);
  if (proxy === undefined) return good(`set, but not for ${host}: it is called directly`, seen);
  return good(`${host} is called through ${hideSecrets(proxy)}`, seen);
}

/** The proxy that the server's calls take, where they take one. */
export function findServerProxy(route: Route): string | undefined {
  return readsProxy(route) ? findProxy(route.env, route.url) : undefined;
}

function readsProxy({ stack, nodeReads }: Pick<Route, 'stack' | 'nodeReads'>): boolean {
  const reads = READS_PROXY[stack];
  return reads === 'always' || (reads === 'asked' && nodeReads);
}

/** The proxy that is meant for calls of this address, where it takes one; NO_PROXY names exceptions. */
export function findProxy(env: Environment, url: string): string | undefined {
  const scheme = url.startsWith('http://') ? 'http' : 'https';
  const proxy = readVariable(env, `${scheme}_proxy`) ?? readVariable(env, 'all_proxy');
  return isExempt(readHost(url), readVariable(env, 'no_proxy') ?? '') ? undefined : proxy;
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
