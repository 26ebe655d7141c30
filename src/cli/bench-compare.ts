import type { Cell, Comparison, UpstreamCell } from '../bench/compare.ts';
import type { Project } from '../effects/find-project.ts';
import type { BenchFlags } from './bench.ts';
import { measure, measureMock } from './bench-measure.ts';
import { type BenchedServer, withBenchedServer } from './bench-server.ts';
import { parseUrl, planTarget } from './bench-target.ts';

/** The loads that each stack is put under. */
export interface ComparePlan {
  readonly flags: BenchFlags;
  /** Requests under way at once. */
  readonly connections: readonly number[];
  /** Milliseconds that the upstream takes. */
  readonly upstreams: readonly number[];
  /** Seconds for each figure. */
  readonly duration: number;
}

/** Measures projects one after the other, each under every load. */
export async function measureProjects(
  projects: readonly Project[],
  plan: ComparePlan,
  signal: AbortSignal,
): Promise<Comparison> {
  const { flags, connections, upstreams, duration } = plan;
  const { tps = 0, tokens } = flags;
  const cells: Cell[] = [];
  const mockAlone: UpstreamCell[] = [];
  for (const project of projects) {
    for (const ttft of upstreams) {
      const setting = { pace: { ttft, tps, tokens }, connections: Math.max(...connections) };
      await withBenchedServer(project, setting, signal, async (server, signal) => {
        if (project === projects[0]) {
          mockAlone.push(...(await measureUpstream(server, ttft, plan, signal)));
        }
        cells.push(...(await measureServer(project, server, ttft, plan, signal)));
      });
    }
  }
  const stacks = projects.map(({ record: { answers }, manifest }) => {
    const { title, layout, language } = manifest;
    return { name: answers.stack, title, layout, language };
  });
  const found = { stacks, upstreams, tokensPerSecond: tps, connections, cells, mockAlone };
  return { stream: flags.stream === true, duration, ...found };
}

async function measureUpstream(
  { mockUrl }: BenchedServer,
  upstream: number,
  plan: ComparePlan,
  signal: AbortSignal,
): Promise<readonly UpstreamCell[]> {
  const found: UpstreamCell[] = [];
  for (const connections of plan.connections) {
    const load = { connections, rate: undefined, ...timesOf(plan, upstream) };
    const { requestsPerSecond } = await measureMock(mockUrl, plan.flags, load, signal);
    found.push({ upstream, connections, requestsPerSecond });
  }
  return found;
}

async function measureServer(
  { record, manifest }: Project,
  { url, key }: BenchedServer,
  upstream: number,
  plan: ComparePlan,
  signal: AbortSignal,
): Promise<readonly Cell[]> {
  const target = planTarget(parseUrl(url), key, plan.flags);
  const title = `${manifest.title}, upstream ${upstream} ms`;
  const times = timesOf(plan, upstream);
  const most = { connections: Math.max(...plan.connections), rate: undefined };
  const duration = plan.flags.warmup ?? WARM_SERVER_SECONDS;
  if (duration > 0) {
    await measure(`${title}, warming up`, target, { ...most, duration, warmup: 0 }, signal);
  }
  const found: Cell[] = [];
  for (const connections of plan.connections) {
    const load = { connections, rate: undefined, ...times };
    const { measured } = await measure(`${title}, ${connections} at once`, target, load, signal);
    const { requestsPerSecond, latency, failed } = measured;
    const { p50, p99 } = latency;
    const stack = record.answers.stack;
    found.push({ stack, upstream, connections, requestsPerSecond, p50, p99, failed });
  }
  return found;
}

/** A server compiles what it does often while it does it: not while it is measured. */
const WARM_SERVER_SECONDS = 3;

/** The warm-up is longer than an answer, over which the first requests are spread. */
function timesOf({ flags, duration }: ComparePlan, upstream: number) {
  return { duration, warmup: flags.warmup ?? 1 + upstream / 1000 };
}
