import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventStream, HELLO, startAnswerer } from '../bench/answerer.ts';
import { makeFolder, runCli } from '../harness/cli.ts';
import { findFreePort } from '../harness/free-port.ts';

const SHORT = ['--duration', '0.3', '--warmup', '0', '--connections', '2'];

function bench(args: readonly string[], options = {}) {
  return runCli('llm-api', ['bench', ...args], options);
}

test('--json prints one document and nothing else', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const { code, stdout } = await bench([url.origin, ...SHORT, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    target: url.href,
    stream: false,
    connections: 2,
    failed: 0,
    requestsPerSecond: expect.any(Number),
    latency: { p50: expect.any(Number), p999: expect.any(Number) },
  });
});

test('--stream asks for a stream', async () => {
  let seen = '';
  const url = await startAnswerer((socket, request) => {
    seen = request;
    socket.end(eventStream('{"text":"a"}', '[DONE]'));
  });
  const { code, stdout } = await bench([url.href, ...SHORT, '--stream', '--json']);
  expect(code).toBe(0);
  expect(seen).toContain('{"prompt":"Hello","stream":true}');
  expect(JSON.parse(stdout)).toMatchObject({ withoutDone: 0, firstToken: {}, gap: {} });
});

test('the key comes from the environment or standard input, and is never printed', async () => {
  const seen = new Set<string | undefined>();
  const url = await startAnswerer((socket, request) => {
    seen.add(/^authorization: (.*)$/im.exec(request)?.[1]?.trim());
    socket.write(HELLO);
  });
  const first = await bench([url.href, ...SHORT], { env: { LLM_API_KEY: 'sk-one' } });
  const second = await bench([url.href, ...SHORT, '--key-stdin'], { input: 'sk-two\n' });
  expect([...seen]).toEqual(['Bearer sk-one', 'Bearer sk-two']);
  expect(first.stdout + first.stderr + second.stdout + second.stderr).not.toContain('sk-');
});

test('where nobody listens it says so in a sentence', async () => {
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const { code, stderr } = await bench([url, ...SHORT]);
  expect(code).toBe(1);
  expect(stderr).toContain(`Nobody listens on ${url}.`);
});

test('an answer that every request would get ends it before it begins', async () => {
  const url = await startAnswerer((socket) =>
    socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'),
  );
  const { code, stderr } = await bench([url.href, ...SHORT]);
  expect(code).toBe(1);
  expect(stderr).toContain('answers with status 401');
  expect(stderr).toContain('LLM_API_KEY');
});

test('where nothing was answered it fails and says why, in JSON too', async () => {
  const url = await startAnswerer((socket) =>
    socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'),
  );
  const { code, stdout } = await bench([url.href, ...SHORT, '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    error: expect.stringContaining('No request was answered: status 503'),
    errors: [{ kind: 'status 503' }],
  });
});

test.each([
  [['ftp://x'], 'not the address of a server'],
  [['http://u:p@x'], 'user name or password'],
  [['http://x', '--connections', '0'], '--connections takes a whole number'],
  [['http://x', '--duration', 'long'], '--duration takes a number'],
  [['http://x', '--body', '{'], '--body is not JSON'],
  [['http://x', '--header', 'nonsense'], '--header is not a header'],
  [['http://x', '--header', 'Host: y'], '--header cannot set Host'],
  [['http://x', '--header', 'Authorization: Bearer sk-1'], '--header does not take Authorization'],
  [['http://x', '--ttft', '5'], '--ttft sets the mock behind a project'],
  [['http://x', '--conections', '1'], 'Did you mean --connections?'],
])('%j is wrong usage', async (args, words) => {
  const { code, stderr } = await bench(args);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
  expect(stderr).not.toContain('sk-1');
});

test('without --json it prints a table, and what to measure next', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const { code, stdout, stderr } = await bench([url.href, ...SHORT]);
  expect(code).toBe(0);
  expect(stdout).toContain('plain answers, 2 at once, for 0.3 s');
  expect(stdout).toMatch(/^latency( +[\d.]+ ms){5}$/m);
  expect(stdout).toContain('no errors');
  expect(stderr).toMatch(/llm-api bench http:\S+\/generate --connections 2 .*--rate \d+\n$/);
});

test('--html writes a page', async () => {
  const file = join(await makeFolder(), 'report.html');
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const { code, stderr } = await bench([url.href, ...SHORT, '--html', file]);
  expect(code).toBe(0);
  expect(stderr).toContain(file);
  expect(await readFile(file, 'utf8')).toContain(`<h1>${url.host}: `);
});

test('a page that cannot be written is told before anything is measured', async () => {
  let asked = 0;
  const url = await startAnswerer(() => asked++);
  const { code, stderr } = await bench([url.href, ...SHORT, '--html', '/no/such/place/x.html']);
  expect({ code, asked }).toEqual({ code: 1, asked: 0 });
  expect(stderr).toContain('/no/such/place/x.html cannot be written');
});

test('at a rate it says how many were to begin and could not', async () => {
  const url = await startAnswerer((socket) => setTimeout(() => socket.write(HELLO), 150));
  const args = ['--duration', '0.5', '--warmup', '0', '--connections', '1', '--rate', '50'];
  const { stdout } = await bench([url.href, ...args, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ rate: 50, unsent: expect.any(Number) });
  expect(JSON.parse(stdout).warnings[0]).toContain('requests were to begin and could not');
});

test('Ctrl-C ends it with 130', async () => {
  let pid = 0;
  const url = await startAnswerer((socket) => {
    socket.write(HELLO);
    if (pid > 0) process.kill(pid, 'SIGINT');
  });
  const { code } = await bench([url.href, '--duration', '60'], {
    onStart: (started: number) => {
      pid = started;
    },
  });
  expect(code).toBe(130);
});
