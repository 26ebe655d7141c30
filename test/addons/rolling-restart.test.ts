import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { bearer, CALLER_KEYS, findLeaks } from '../contract/environment.ts';
import { eventually, waitForToken } from '../contract/eventually.ts';
import { generate, open, parseEvents } from '../contract/http.ts';
import { readMetrics, total } from '../contract/metrics.ts';
import type { OwnServer } from '../contract/own.ts';
import { stopProgram, withDeadline } from '../contract/program.ts';
import { startLoad } from './load.ts';
import { type ReverseProxy, startProxy } from './nginx.ts';
import { readPodEnvironment, startPod } from './pods.ts';

const MINUTES = 60_000;
const PODS = 3;
const PER_SECOND = 25;
/** Seconds: shorter than in the manifest, so that answers take longer than the wait. */
const PRE_STOP = 1;
const PACE = { timeToFirstToken: 500, tokensPerSecond: 12 };

/** What a Deployment does, by hand: there is no cluster in a test. */
describeProjects('replicas behind nginx', { layout: 'async' }, ({ stack, directory }) => {
  let mock: Mock;
  let environment: Readonly<Record<string, string>>;
  let pods: OwnServer[] = [];
  let proxy: ReverseProxy;

  beforeAll(async () => {
    mock = await startMock(PACE);
    environment = { ...(await readPodEnvironment(directory, mock.url)), RATE_LIMIT: '0' };
    pods = await Promise.all(Array.from({ length: PODS }, start));
    proxy = await startProxy(pods.map(({ url }) => url));
  });
  afterAll(async () => {
    await proxy.stop();
    for (const { program } of pods) {
      if (!program.hasEnded()) await stopProgram(program);
      expect(findLeaks(program.output())).toEqual([]);
    }
    await mock.close();
  });

  const start = (): Promise<OwnServer> => startPod(directory, environment);
  const setServers = (servers: readonly OwnServer[]): Promise<void> =>
    proxy.setServers(servers.map(({ url }) => url));
  const startAsking = () => startLoad(proxy.url, PER_SECOND, bearer(CALLER_KEYS[0]));

  test('send each token through it at once', async () => {
    const answer = await open(proxy.url, generate({ stream: true }, bearer(CALLER_KEYS[0])));
    await waitForToken(answer);
    expect(answer.received()).not.toContain('[DONE]');
    expect(parseEvents(await answer.whole).at(-1)).toBe('[DONE]');
  });

  test('are replaced under load without one failed request', { timeout: MINUTES }, async () => {
    mock.reset();
    const load = startAsking();
    for (const old of [...pods]) {
      // One more than there were (maxSurge 1), and only then one less (maxUnavailable 0).
      pods.push(await start());
      await setServers(pods);
      pods = pods.filter((pod) => pod !== old);
      // Both hear at the same time that it is to go: the proxy, and the pod, which sleeps first.
      await Promise.all([setServers(pods), sleep(PRE_STOP)]);
      expect(await countRunning(old)).toBeGreaterThan(0);
      old.program.kill('SIGTERM');
      expect(await withDeadline(old.program.ended, 20), old.program.output()).toBe(0);
      expect(findLeaks(old.program.output())).toEqual([]);
    }
    const { requests, failures } = await load.stop();
    const figures = `${requests} requests, ${failures.length} failed`;
    process.stderr.write(`addons: ${stack}: rolled ${PODS} replicas: ${figures}\n`);
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(5 * PER_SECOND);
    expect(mock.counts.completed).toBe(requests);
  });

  test('fail some where SIGTERM does not wait for the proxy', async () => {
    const [old] = pods as [OwnServer];
    const load = startAsking();
    await eventually(async () => expect(await countRunning(old)).toBeGreaterThan(0));
    old.program.kill('SIGTERM');
    expect(await withDeadline(old.program.ended, 20)).toBe(0);
    const { failures } = await load.stop();
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter((failure) => !/^50[23] /.test(failure))).toEqual([]);
  });
});

async function countRunning({ url }: OwnServer): Promise<number> {
  return total(await readMetrics(url), 'llm_api_in_flight');
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
