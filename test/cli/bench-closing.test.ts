import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { HELLO, startAnswerer } from '../bench/answerer.ts';
import { ROOT, runCli } from '../harness/cli.ts';

const SHORT = ['--duration', '0.4', '--warmup', '0', '--connections', '2'];

/** The command to run next, as a shell reads it: its last line, without the tool's own name. */
function readNext(stderr: string): readonly string[] {
  const line = stderr.trimEnd().split('\n').at(-1) ?? '';
  const words = spawnSync('bash', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' }).stdout;
  const argv = words.split('\0').slice(0, -1);
  return argv.slice(argv.indexOf('bench'));
}

test('what it says to run next asks the same, and keeps the key out', async () => {
  const seen = new Set<string>();
  const url = await startAnswerer((socket, request) => {
    seen.add(request);
    socket.write(HELLO);
  });
  const asked = [
    ...['--body', `{"text":"it's $HOME"}`, '-H', 'X-Tenant: a "b"', '-H', 'X-Trace: 1'],
    ...['--timeout', '7', '--key-header', 'x-api-key'],
  ];
  const options = { env: { LLM_API_KEY: 'sk-1' } };
  const { stderr } = await runCli('llm-api', ['bench', url.href, ...SHORT, ...asked], options);
  expect(stderr).not.toContain('sk-1');
  const next = readNext(stderr);
  expect(next.slice(-2)).toEqual(['--rate', expect.stringMatching(/^\d+$/)]);
  expect(next).toEqual(expect.arrayContaining(['--timeout', '7', '--connections', '2']));
  expect((await runCli('llm-api', [...next, '--rate', '20'], options)).code).toBe(0);
  expect(seen.size).toBe(1);
});

test.each([
  [
    ['--prompt', '--key is what?', '--key-stdin'],
    ['--prompt', '--key is what?', '--key-stdin'],
  ],
  [['--rate', '20'], []],
])('%j is asked again with %j', async (args, again) => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const command = ['bench', url.href, ...SHORT, ...args];
  const { stderr } = await runCli('llm-api', command, { input: 'sk-1' });
  const load = ['--connections', '2', '--duration', '0.4', '--warmup', '0'];
  const rate = args.includes('--rate') ? [] : ['--rate', expect.any(String)];
  expect(readNext(stderr)).toEqual(['bench', url.href, ...again, ...load, ...rate]);
});

test('a slow server is asked below what it can do, too', async () => {
  const url = await startAnswerer((socket) => setTimeout(() => socket.write(HELLO), 900));
  const args = ['bench', url.href, '-c', '1', '-d', '1.9', '--warmup', '0', '--json'];
  const { stdout, stderr } = await runCli('llm-api', args, { cwd: ROOT });
  const most = JSON.parse(stdout).requestsPerSecond;
  expect(most).toBeLessThan(1.25);
  const rate = Number(readNext(stderr).at(-1));
  expect(rate).toBeLessThanOrEqual(0.8 * most);
  expect(rate).toBeGreaterThan(0.7 * most);
});

test('values of a query are to be put back', async () => {
  const url = await startAnswerer((socket) => socket.write(HELLO));
  const { stderr } = await runCli('llm-api', ['bench', `${url.href}?key=sk-1`, ...SHORT]);
  expect(stderr).toContain('How long answers take below that, with your values in the query:\n');
  expect(readNext(stderr)[1]).toBe(`${url.href}?key=…`);
});
