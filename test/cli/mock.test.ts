import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { FAULTS } from '../../src/mock/faults.ts';
import { makeFolder, runCli } from '../harness/cli.ts';
import { type Running, startTool } from '../harness/running.ts';

async function takePort(): Promise<{ port: number; giveBack: () => Promise<unknown> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { port, giveBack: () => new Promise((resolve) => server.close(resolve)) };
}

async function startMock(...args: readonly string[]): Promise<{ mock: Running; url: string }> {
  const { port, giveBack } = await takePort();
  await giveBack();
  const mock = startTool(['mock', '--port', `${port}`, ...args], { cwd: await makeFolder() });
  await mock.waitFor('Ctrl-C ends it');
  return { mock, url: `http://127.0.0.1:${port}/v1` };
}

function complete(url: string): Promise<Response> {
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello' }] };
  return fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer mock' },
    body: JSON.stringify(body),
  });
}

test('answers, says how to point a server at it, and ends with 0', async () => {
  const { mock, url } = await startMock();
  expect(mock.output()).toContain(`OPENAI_BASE_URL=${url} OPENAI_API_KEY=mock`);
  expect((await complete(url)).status).toBe(200);
  mock.signal('SIGINT');
  expect((await mock.ended).code).toBe(0);
});

test('--fault spoils every request', async () => {
  const { mock, url } = await startMock('--fault', 'rate-limited', '--retry-after', '11');
  expect(mock.output()).toContain('rate-limited');
  const response = await complete(url);
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe('11');
});

test('--ttft makes it slow', async () => {
  const { url } = await startMock('--ttft', '300');
  const started = performance.now();
  await (await complete(url)).text();
  expect(performance.now() - started).toBeGreaterThanOrEqual(290);
});

test('--tokens makes answers so long', async () => {
  const { url } = await startMock('--tokens', '7');
  expect(await (await complete(url)).json()).toMatchObject({ usage: { completion_tokens: 7 } });
});

test('a port that is taken is an error', async () => {
  const { port } = await takePort();
  const { code, stderr } = await runCli('llm-api', ['mock', '--port', `${port}`]);
  expect(code).toBe(1);
  expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken`);
});

test.each([
  [['--fault', 'rate-limit'], 'Did you mean --fault rate-limited?'],
  [['--ttft', 'soon'], '--ttft takes a whole number'],
  [['--tps', '-1'], '--tps takes a number'],
  [['--port', '70000'], '--port takes a number from 1 to 65535'],
])('%j is wrong usage', async (args, words) => {
  const { code, stderr } = await runCli('llm-api', ['mock', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});

test('--help lists every fault', async () => {
  const { stdout } = await runCli('llm-api', ['mock', '--help']);
  for (const { name } of FAULTS) expect(stdout).toContain(`  ${name} `);
});
