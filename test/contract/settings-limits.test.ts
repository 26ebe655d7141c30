import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { findFreePort } from '../harness/free-port.ts';
import { describeProjects } from './describe.ts';
import { CALLER_KEYS, findLeaks, KEY } from './environment.ts';
import { startOwn } from './own.ts';
import { occupyPort, stopProgram, withDeadline } from './program.ts';

const MISTAKES = {
  API_KEYS: `${CALLER_KEYS[0]},sha256:${CALLER_KEYS[1]}`,
  MAX_CONCURRENCY: '0',
  MAX_QUEUE: '-1',
  QUEUE_TIMEOUT: 'soon',
  RATE_LIMIT: '60/fortnight',
  CORS_ORIGINS: 'not an origin',
  TRUSTED_PROXIES: '10.0.0.0/99',
  WORKERS: '0',
};

describeProjects('settings of limits', { layout: 'async' }, ({ directory }) => {
  test('tells all mistakes at once, each by its name, and does not start', async () => {
    const { code, output } = await runToEnd(directory, MISTAKES);
    for (const name of Object.keys(MISTAKES)) expect(output).toMatch(new RegExp(`\\b${name}\\b`));
    expect(findLeaks(output)).toEqual([]);
    expect(code).toBe(1);
  });

  test.each<Readonly<Record<string, string>>>([
    {
      RATE_LIMIT: '60',
      TRUSTED_PROXIES: 'proxy.example',
      WORKERS: '1.5',
      MAX_CONCURRENCY: '1e999',
    },
    { RATE_LIMIT: '-1/minute', TRUSTED_PROXIES: '10.0.0.1/', WORKERS: '-1' },
    { RATE_LIMIT: '0.5/minute', QUEUE_TIMEOUT: '-1' },
  ])('does not take %o', async (mistakes) => {
    const { code, output } = await runToEnd(directory, mistakes);
    for (const name of Object.keys(mistakes)) expect(output).toContain(name);
    expect(code).toBe(1);
  });

  test('tells a mistake once, however many workers', async () => {
    const { code, output } = await runToEnd(directory, { WORKERS: '2', LOG_LEVEL: 'loud' });
    expect(output.match(/LOG_LEVEL/g)).toHaveLength(1);
    expect(code).toBe(1);
  });

  test('says once that its port is taken, however many workers', async () => {
    const taken = await occupyPort();
    const { port } = taken.address() as AddressInfo;
    const { code, output } = await runToEnd(directory, { WORKERS: '2', PORT: String(port) });
    taken.close();
    const sentences = output.split('\n').filter((line) => line.includes(String(port)));
    expect(sentences, output).toHaveLength(1);
    expect(findLeaks(output)).toEqual([]);
    expect(code).not.toBe(0);
  });
});

async function runToEnd(directory: string, env: Readonly<Record<string, string>>) {
  const port = String(await findFreePort());
  const program = await startOwn(directory, { OPENAI_API_KEY: KEY, PORT: port, ...env });
  const code = await withDeadline(program.ended, 20);
  if (code === undefined) await stopProgram(program);
  return { code, output: program.output() };
}
