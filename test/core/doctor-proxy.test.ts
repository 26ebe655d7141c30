import { describe, expect, test } from 'vitest';
import { clientOf, findProxy, judgeProxy, type Route } from '../../src/core/doctor-proxy.ts';

const PROXY = 'http://proxy.example:3128';
const HTTPS = 'https://api.openai.com/v1';

type Env = Readonly<Record<string, string>>;

function route(env: Env, changes: Partial<Route> = {}): Route {
  const plain = { client: 'httpx', url: HTTPS, nodeReads: false, speaksSocks: false } as const;
  return { env, ...plain, ...changes };
}

describe('the proxy of a call', () => {
  test.each<[Env, string, string | undefined]>([
    [{ HTTPS_PROXY: PROXY }, HTTPS, PROXY],
    [{ https_proxy: 'small', HTTPS_PROXY: PROXY }, HTTPS, 'small'],
    [{ HTTP_PROXY: PROXY }, HTTPS, undefined],
    [{ HTTP_PROXY: PROXY }, 'http://127.0.0.1:4010/v1', PROXY],
    [{ ALL_PROXY: PROXY }, HTTPS, PROXY],
    [{ ALL_PROXY: PROXY, NO_PROXY: 'localhost, .openai.com' }, HTTPS, undefined],
    [{ ALL_PROXY: PROXY, NO_PROXY: 'api.openai.com:443' }, HTTPS, undefined],
    [{ ALL_PROXY: PROXY, no_proxy: '*' }, HTTPS, undefined],
    [{ ALL_PROXY: PROXY, NO_PROXY: 'enai.com' }, HTTPS, PROXY],
  ])('with %j for %s is %s', (env, url, proxy) => {
    expect(findProxy(route(env, { url }))).toBe(proxy);
  });

  test('aiohttp knows nothing of ALL_PROXY', () => {
    expect(findProxy(route({ ALL_PROXY: PROXY }, { client: 'aiohttp' }))).toBeUndefined();
    expect(findProxy(route({ HTTPS_PROXY: PROXY }, { client: 'aiohttp' }))).toBe(PROXY);
  });
});

describe('what is said of it', () => {
  test('none', () => {
    expect(judgeProxy(route({})).text).toBe('none set: api.openai.com is called directly');
  });

  test('where it is taken, its password is not shown', () => {
    const env = { HTTPS_PROXY: 'http://me:secret@proxy.example:3128', NO_PROXY: 'localhost' };
    expect(judgeProxy(route(env))).toEqual({
      verdict: 'good',
      text: 'api.openai.com is called through http://…@proxy.example:3128',
      details: ['HTTPS_PROXY=http://…@proxy.example:3128', 'NO_PROXY=localhost'],
    });
  });

  test("undici's own pools never take it, Node's fetch where it was told to", () => {
    const judge = (changes: Partial<Route>) =>
      judgeProxy(route({ HTTPS_PROXY: PROXY }, changes)).text;
    expect(judge({ client: 'undici', nodeReads: true })).toContain('not read by this server');
    expect(judge({ client: 'fetch' })).toContain('NODE_USE_ENV_PROXY=1');
    expect(judge({ client: 'fetch', nodeReads: true })).toContain(`through ${PROXY}`);
  });
});

describe('a SOCKS proxy', () => {
  const env = { ALL_PROXY: 'socks5://127.0.0.1:1080', NO_PROXY: 'api.openai.com' };

  test('keeps httpx from starting, whatever the proxy would be for', () => {
    expect(judgeProxy(route(env))).toMatchObject({
      verdict: 'bad',
      mend: 'Unset ALL_PROXY for the server, or add socksio to its dependencies',
    });
    expect(judgeProxy(route(env, { speaksSocks: true })).verdict).toBe('good');
  });

  test('fails each call of aiohttp that it is for, and no other', () => {
    const client = 'aiohttp';
    expect(judgeProxy(route(env, { client })).verdict).toBe('good');
    const https = { HTTPS_PROXY: 'socks5h://127.0.0.1:1080' };
    expect(judgeProxy(route(https, { client })).text).toContain('every call of the provider fails');
  });

  test('is nothing to a server that reads no proxy', () => {
    expect(judgeProxy(route(env, { client: 'undici' })).verdict).toBe('good');
  });
});

test.each([
  ['fastapi', ['aiohttp', 'httpx2'], 'aiohttp'],
  ['fastapi', [], 'aiohttp'],
  ['fastapi', ['httpx2', 'openai'], 'httpx'],
  ['flask', ['httpx2'], 'httpx'],
  ['express', [], 'fetch'],
  ['fastify', [], 'undici'],
] as const)('%s with %j calls with %s', (stack, installed, client) => {
  expect(clientOf(stack, (name) => (installed as readonly string[]).includes(name))).toBe(client);
});
