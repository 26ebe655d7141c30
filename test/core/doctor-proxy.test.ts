import { describe, expect, test } from 'vitest';
import { findProxy, judgeProxy } from '../../src/core/doctor-proxy.ts';
import type { StackName } from '../../src/core/stacks.ts';

const URL = 'https://api.openai.com/v1';
const PROXY = 'http://proxy.example:3128';

function judge(
  stack: StackName,
  env: Readonly<Record<string, string>>,
  { nodeReads = false, speaksSocks = false } = {},
) {
  return judgeProxy({ env, stack, url: URL, nodeReads, speaksSocks });
}

describe('the proxy of a call', () => {
  test.each([
    [{ HTTPS_PROXY: PROXY }, URL, PROXY],
    [{ https_proxy: 'small', HTTPS_PROXY: PROXY }, URL, 'small'],
    [{ HTTP_PROXY: PROXY }, URL, undefined],
    [{ HTTP_PROXY: PROXY }, 'http://127.0.0.1:4010/v1', PROXY],
    [{ ALL_PROXY: PROXY }, URL, PROXY],
    [{ ALL_PROXY: PROXY, NO_PROXY: 'localhost, .openai.com' }, URL, undefined],
    [{ ALL_PROXY: PROXY, NO_PROXY: 'api.openai.com:443' }, URL, undefined],
    [{ ALL_PROXY: PROXY, no_proxy: '*' }, URL, undefined],
    [{ ALL_PROXY: PROXY, NO_PROXY: 'enai.com' }, URL, PROXY],
  ])('with %j for %s is %s', (env, url, proxy) => {
    expect(findProxy(env as Readonly<Record<string, string>>, url)).toBe(proxy);
  });
});

describe('what is said of it', () => {
  test('none', () => {
    expect(judge('fastapi', {}).text).toBe('none set: api.openai.com is called directly');
  });

  test('for Python it is taken, and its password is not shown', () => {
    const { verdict, text, details } = judge('flask', {
      HTTPS_PROXY: 'http://me:secret@proxy.example:3128',
      NO_PROXY: 'localhost',
    });
    expect({ verdict, text }).toEqual({
      verdict: 'good',
      text: 'api.openai.com is called through http://…@proxy.example:3128',
    });
    expect(details).toEqual(['HTTPS_PROXY=http://…@proxy.example:3128', 'NO_PROXY=localhost']);
  });

  test('Fastify never takes it, Express where Node was told to', () => {
    const env = { HTTPS_PROXY: PROXY };
    expect(judge('fastify', env, { nodeReads: true }).text).toContain('not read by this server');
    expect(judge('express', env).text).toContain('NODE_USE_ENV_PROXY=1');
    expect(judge('express', env, { nodeReads: true }).text).toContain(`through ${PROXY}`);
  });

  test('a SOCKS proxy keeps a Python server from starting, whatever it would be for', () => {
    const env = { ALL_PROXY: 'socks5://127.0.0.1:1080', NO_PROXY: 'api.openai.com' };
    expect(judge('fastapi', env)).toMatchObject({
      verdict: 'bad',
      mend: 'Unset ALL_PROXY for the server, or add socksio to its dependencies',
    });
    expect(judge('fastapi', env, { speaksSocks: true }).verdict).toBe('good');
    expect(judge('fastify', env).verdict).toBe('good');
  });
});
