import { describe, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { MODEL, OTHER_MODEL } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { parseEvents } from './http.ts';
import { type Metrics, parseMetrics, readMetrics, select, total } from './metrics.ts';
import { talk } from './socket.ts';

const HISTOGRAMS = {
  gen_ai_server_request_duration_seconds: [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
  ],
  gen_ai_server_time_to_first_token_seconds: [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ],
  gen_ai_client_token_usage: Array.from({ length: 14 }, (_, power) => 4 ** power),
} as const;

/** The buckets are those of OpenTelemetry's semantic conventions for generative AI metrics. */
const TYPES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.keys(HISTOGRAMS).map((name) => [name, 'histogram'])),
  llm_api_requests_total: 'counter',
  llm_api_in_flight: 'gauge',
  llm_api_queued: 'gauge',
  llm_api_shed_total: 'counter',
};
const CHAT = { gen_ai_request_model: MODEL, gen_ai_operation_name: 'chat' };

describeServers(
  '/metrics',
  {
    layout: 'async',
    command: 'own',
    env: {
      MAX_CONCURRENCY: '1',
      MAX_QUEUE: '1',
      QUEUE_TIMEOUT: '20',
      IDLE_TIMEOUT: '20',
      REQUEST_TIMEOUT: '25',
    },
  },
  (api) => {
    test('counts what was asked, by route and status', async () => {
      const before = await readMetrics(api.url);
      const plain = JSON.parse((await api.generate()).text);
      const stream = await api.stream();
      const streamed = JSON.parse(parseEvents(await stream.whole).at(-2) ?? '');
      const socket = await talk(api.url);
      socket.ask();
      await socket.ends(1);
      socket.close();
      await api.generate({ prompt: '' });
      await api.generate({ prompt: '' });
      api.mock.setFault('unauthorized');
      await api.generate();
      for (const path of ['/nowhere', '/nowhere/else', '/.env', '/%ff']) await api.send({ path });

      const increase = async (name: string, labels: Record<string, string> = {}) =>
        total(await readMetrics(api.url), name, labels) - total(before, name, labels);
      const requests = (labels: Record<string, string>) =>
        increase('llm_api_requests_total', labels);
      const posted = { method: 'POST', route: '/generate' };
      await eventually(async () => expect(await requests({ ...posted, status: '200' })).toBe(2));
      expect(await requests({ ...posted, status: '422' })).toBe(2);
      expect(await requests({ ...posted, status: '502' })).toBe(1);
      expect(await requests({ route: '/generate/ws' })).toBe(1);
      expect(await requests({ status: '404' })).toBe(4);
      const unknown = select(await readMetrics(api.url), 'llm_api_requests_total', {
        status: '404',
      });
      expect(unknown, 'paths that are not have one label value between them').toHaveLength(1);

      const ends = [plain, streamed, socket.said.at(-1)];
      const usage = (type: 'input' | 'output') =>
        ends.reduce((sum, { usage }) => sum + usage[`${type}_tokens`], 0);
      for (const type of ['input', 'output'] as const) {
        const labels = { ...CHAT, gen_ai_token_type: type };
        expect(await increase('gen_ai_client_token_usage_count', labels)).toBe(3);
        expect(await increase('gen_ai_client_token_usage_sum', labels)).toBe(usage(type));
      }
      const durations = 'gen_ai_server_request_duration_seconds_count';
      expect(await increase(durations, CHAT)).toBeGreaterThanOrEqual(3);
      expect(await increase(durations, CHAT)).toBeLessThanOrEqual(4);
      const firsts = 'gen_ai_server_time_to_first_token_seconds_count';
      expect(await increase(firsts, CHAT)).toBeGreaterThanOrEqual(2);
      expect(await increase(firsts, CHAT)).toBeLessThanOrEqual(3);
    });

    test('counts each model by itself', async () => {
      const labels = { gen_ai_request_model: OTHER_MODEL, gen_ai_operation_name: 'chat' };
      await api.generate({ model: OTHER_MODEL });
      const name = 'gen_ai_server_request_duration_seconds_count';
      await eventually(async () => expect(total(await readMetrics(api.url), name, labels)).toBe(1));
    });

    test('measures in seconds', async () => {
      const name = 'gen_ai_server_request_duration_seconds_sum';
      const before = total(await readMetrics(api.url), name);
      api.mock.setPace({ timeToFirstToken: 1000 });
      await api.generate();
      const took = total(await readMetrics(api.url), name) - before;
      expect(took).toBeGreaterThan(0.9);
      expect(took).toBeLessThan(5);
    });

    test('shows what runs, waits and is refused', async () => {
      api.mock.setFault('drip');
      const running = await api.stream();
      await waitForToken(running);
      await expectHeld(api, 1, 0);
      const waiting = api.begin();
      await expectHeld(api, 1, 1);
      const shed = async () =>
        total(await readMetrics(api.url), 'llm_api_shed_total', { reason: 'overloaded' });
      const before = await shed();
      await api.generate();
      expect(await shed()).toBe(before + 1);
      api.mock.setFault(undefined);
      running.leave();
      expect((await waiting.answer).status).toBe(200);
      await expectHeld(api, 0, 0);
      const left = { status: '499', route: '/generate' };
      await eventually(async () =>
        expect(total(await readMetrics(api.url), 'llm_api_requests_total', left)).toBe(1),
      );
    });

    describe('is Prometheus text', () => {
      test('by its type', async () => {
        const { status, headers } = await api.send({ path: '/metrics' });
        expect(status).toBe(200);
        expect(headers['content-type']).toMatch(/^text\/plain; ?version=/);
      });

      test.each(Object.entries(TYPES))('with %s as a %s', async (name, type) => {
        await api.generate();
        const { types } = await readMetrics(api.url);
        expect(types.get(name)).toBe(type);
      });

      test.each(Object.entries(HISTOGRAMS))('with the buckets of %s', async (name, buckets) => {
        await (await api.stream()).whole;
        const labels = {
          ...CHAT,
          ...(name === 'gen_ai_client_token_usage' && { gen_ai_token_type: 'output' }),
        };
        const metrics = await readMetrics(api.url);
        const series = select(metrics, `${name}_bucket`, labels);
        const bounds = [...new Set(series.map(({ labels: { le = '' } }) => toNumber(le)))];
        expect(bounds).toEqual([...buckets, Number.POSITIVE_INFINITY]);
        expectCumulative(metrics, name);
      });

      test('with each series once', async () => {
        const { samples } = await readMetrics(api.url);
        const series = samples.map(({ name, labels }) =>
          JSON.stringify([name, Object.entries(labels).sort()]),
        );
        expect(new Set(series).size).toBe(series.length);
      });
    });

    test('has no room for what callers make up', async () => {
      for (let count = 0; count < 30; count++) {
        await api.send({ path: `/made-up-${count}` });
        await api.generate({ model: `made-up-${count}` });
      }
      const { text } = await api.send({ path: '/metrics' });
      expect(text).not.toContain('made-up');
      parseMetrics(text);
    });
  },
);

/** A reader's own: one label set's buckets never fall, and end at its count. */
function expectCumulative(metrics: Metrics, name: string): void {
  const groups = new Map<string, number[]>();
  for (const { labels, value } of select(metrics, `${name}_bucket`)) {
    const { le: _, ...rest } = labels;
    const key = JSON.stringify(Object.entries(rest).sort());
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  for (const { labels, value } of select(metrics, `${name}_count`)) {
    const buckets = groups.get(JSON.stringify(Object.entries(labels).sort())) ?? [];
    expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
    expect(buckets.at(-1)).toBe(value);
  }
}

function toNumber(bound: string): number {
  return bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
}

async function expectHeld(api: Api, running: number, waiting: number): Promise<void> {
  await eventually(async () => {
    const metrics = await readMetrics(api.url);
    expect(total(metrics, 'llm_api_in_flight')).toBe(running);
    expect(total(metrics, 'llm_api_queued')).toBe(waiting);
  });
}
