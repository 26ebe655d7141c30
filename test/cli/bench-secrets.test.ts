import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HELLO, startAnswerer } from '../bench/answerer.ts';
import { makeFolder, runCli } from '../harness/cli.ts';
import { findFreePort } from '../harness/free-port.ts';

const SHORT = ['--duration', '0.2', '--warmup', '0', '--connections', '1'];

function bench(args: readonly string[], options = {}) {
  return runCli('llm-api', ['bench', ...args, ...SHORT], options);
}

/** @returns its URL, and the request that came last */
async function startListener() {
  const found = { request: '' };
  const url = await startAnswerer((socket, request) => {
    found.request = request;
    socket.write(HELLO);
  });
  return { url, found };
}

test('values of a query are sent, and neither printed nor written', async () => {
  const { url, found } = await startListener();
  const page = join(await makeFolder(), 'report.html');
  const typed = `${url.href}?api_key=sk-1&v=sk-2&sk-3`;
  const text = await bench([typed, '--html', page]);
  const json = await bench([typed, '--json']);
  expect(found.request).toMatch(/^POST \/generate\?api_key=sk-1&v=sk-2&sk-3 /);
  expect(text.stdout).toContain(`${url.href}?api_key=…&v=…&…\n`);
  expect(JSON.parse(json.stdout).target).toBe(`${url.href}?api_key=…&v=…&…`);
  const shown = [text.stdout, text.stderr, json.stdout, json.stderr, await readFile(page, 'utf8')];
  expect(shown.join('\n')).not.toContain('sk-');
});

test('nor are they in errors', async () => {
  const url = await startAnswerer((socket) =>
    socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'),
  );
  const nobody = `http://127.0.0.1:${await findFreePort()}`;
  for (const typed of [url.href, nobody]) {
    const { code, stdout, stderr } = await bench([`${typed}?api_key=sk-1`, '--json']);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('sk-1');
  }
});

test.each(['x-api-key', 'Api-Key', 'Cookie', 'Proxy-Authorization', 'X-Auth-Token'])(
  '--header %s is refused, and what to do instead works',
  async (name) => {
    const refused = await bench(['http://127.0.0.1:1', '--header', `${name}: sk-1`]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`--header does not take ${name}`);
    expect(refused.stderr).toContain(
      `LLM_API_KEY, or with --key-stdin, and add --key-header ${name}`,
    );
    expect(refused.stderr).not.toContain('sk-1');

    const { url, found } = await startListener();
    const env = { LLM_API_KEY: 'a=sk-1; b=2' };
    const { code, stdout, stderr } = await bench([url.href, '--key-header', name], { env });
    expect(code).toBe(0);
    expect(found.request).toContain(`\r\n${name}: a=sk-1; b=2\r\n`);
    expect(found.request).not.toMatch(/^authorization:/im);
    expect(stdout + stderr).not.toContain('sk-1');
  },
);

test.each([
  [['http://x', '--key-header', 'x-api-key'], '--key-header has no key'],
  [['http://x', '--key-header', 'x api'], '--key-header is not the name of a header'],
  [['http://x', '--key-header', 'Host'], '--key-header cannot set Host'],
  [['--compare', 'async,simple', '--key-header', 'x-api-key'], 'a key of its own'],
])('%j is wrong usage', async (args, words) => {
  const { code, stderr } = await bench(args);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});
