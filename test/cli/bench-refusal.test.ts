import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeTarget } from '../../src/bench/target.ts';
import { explainRefusal } from '../../src/cli/bench-refusal.ts';
import { HELLO, startAnswerer } from '../bench/answerer.ts';
import { makeFolder, ROOT, runCli } from '../harness/cli.ts';
import { startTool } from '../harness/running.ts';
import { runInShell } from '../harness/shell.ts';

/** Long enough to be told from an end at once. */
const LONG = ['--duration', '60', '--warmup', '0', '--connections', '1'];

test('a server that does not answer is waited for with a word, and told', async () => {
  const url = await startAnswerer(() => {});
  const args = ['bench', `${url.href}?key=sk-1`, ...LONG, '--timeout', '2'];
  const running = startTool(args, { cwd: ROOT });
  await running.waitFor(`Asking ${url.href}?key=… once …`);
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('gives no answer within 2 s: there is nothing to measure.');
  expect(stderr).toContain('give it longer with --timeout');
  expect(stderr).not.toContain('Measuring');
});

test('Ctrl-C ends that wait', async () => {
  const url = await startAnswerer(() => {});
  const running = startTool(['bench', url.href, ...LONG], { cwd: ROOT });
  await running.waitFor('once …');
  running.signal('SIGINT');
  expect((await running.ended).code).toBe(130);
});

/** Runs it against a server that gives every request these bytes. */
async function benchAgainst(bytes: string, flags: readonly string[] = []) {
  const url = await startAnswerer((socket) => socket.end(bytes));
  const outcome = await runCli('llm-api', ['bench', url.href, ...LONG, ...flags]);
  return { url, ...outcome };
}

test.each([
  ['https://api.example.com/generate?token=sk-1#top', 'https://api.example.com/generate'],
  ['/login?back=sk-1', 'ORIGIN/login'],
])('a redirect to %s ends it, and says where to ask', async (location, there) => {
  const { url, code, stderr } = await benchAgainst(
    `HTTP/1.1 307 Over There\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
  );
  expect(code).toBe(1);
  expect(stderr).toContain(`redirects to ${there.replace('ORIGIN', url.origin)}: there is nothing`);
  expect(stderr).toContain(`Ask there: llm-api bench ${there.replace('ORIGIN', url.origin)}\n`);
  expect(stderr).not.toContain('sk-1');
});

test.each(['', 'Location: mailto:a@example.com\r\n'])(
  'a redirect that leads nowhere ends it too: %j',
  async (line) => {
    const { code, stderr } = await benchAgainst(
      `HTTP/1.1 302 Found\r\n${line}Content-Length: 0\r\n\r\n`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('redirects, and does not say where to');
  },
);

test.each([
  [
    'SSH-2.0-OpenSSH_9.6\r\n',
    [],
    'answers, but not in HTTP/1.1: there is nothing to measure.\nIs it',
  ],
  [HELLO, ['--stream'], 'answers, but with no events: there is nothing to measure.\nIt does not'],
])('what it answers is said in words: %j', async (bytes, flags, words) => {
  const { code, stderr } = await benchAgainst(bytes, flags);
  expect(code).toBe(1);
  expect(stderr).toContain(words);
});

/** @returns its address, without a scheme */
async function startTls(options: TlsOptions = {}): Promise<string> {
  const server = createTlsServer(options).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `//127.0.0.1:${(server.address() as AddressInfo).port}/generate`;
}

test('one connection that breaks is no reason not to measure', async () => {
  const url = await startAnswerer((socket, _, nth) => {
    if (nth === 0) socket.destroy();
    else socket.write(HELLO);
  });
  const flags = ['--duration', '0.5', '--warmup', '0', '--connections', '1'];
  const { code, stdout } = await runCli('llm-api', ['bench', url.href, ...flags]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('no errors') });
});

test('http to a server of https ends it, and says so', async () => {
  // To hang up on what is no handshake it needs no certificate.
  const url = await startTls();
  const { code, stderr } = await runCli('llm-api', ['bench', `http:${url}`, ...LONG]);
  expect(code).toBe(1);
  expect(stderr).toContain(`http:${url} closes the connection unanswered`);
  expect(stderr).toContain(`Does it speak https? Then ask https:${url}; else look at its log.`);
});

test('a certificate that has expired', () => {
  const target = makeTarget(new URL('https://api.example.com/generate'), { body: '{}' });
  const problem = 'CERT_HAS_EXPIRED';
  const probe = { problem, address: undefined, location: '', milliseconds: 1 };
  const refusal = explainRefusal(target, { ...probe, failure: `connect ${problem}` });
  expect(refusal?.message).toBe('The certificate of https://api.example.com has expired.');
});

const { code: noOpenssl } = await runInShell('command -v openssl', []);

test.skipIf(noOpenssl !== 0)('a certificate for another name, and one of nobody', async () => {
  const folder = await makeFolder();
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const made = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout '${key}' -out '${cert}' \
    -subj /CN=api.example.com -addext subjectAltName=DNS:api.example.com`;
  expect(await runInShell(made, [])).toMatchObject({ code: 0 });
  const url = await startTls({ cert: await readFile(cert), key: await readFile(key) });
  const args = ['bench', `https:${url}`, ...LONG];

  const other = await runCli('llm-api', args, { env: { NODE_EXTRA_CA_CERTS: cert } });
  expect(other.code).toBe(1);
  expect(other.stderr).toContain(
    'is for another name than 127.0.0.1.\nUse the name that it is for.',
  );
  const own = await runCli('llm-api', args);
  expect(own.code).toBe(1);
  expect(own.stderr).toContain('is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)');
  expect(own.stderr).toContain('NODE_EXTRA_CA_CERTS=certificate.pem');
});
