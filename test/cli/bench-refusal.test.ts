import { expect, test } from 'vitest';
import { startAnswerer } from '../bench/answerer.ts';
import { ROOT } from '../harness/cli.ts';
import { startTool } from '../harness/running.ts';

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
