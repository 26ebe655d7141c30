import cluster, { type Worker } from 'node:cluster';
import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';
import type { Settings } from './settings.js';

type Figures = MetricObjectWithValues<MetricValue<string>>[];

/** The primary of WORKERS processes on one port: starts them, replaces them, stops them. */
export function supervise({ WORKERS, DRAIN_TIMEOUT }: Settings): void {
  const listening = new Set<Worker>();
  let hasStarted = false;
  let isStopping = false;

  cluster.on('listening', (worker) => {
    listening.add(worker);
    // The first one has found that all is well.
    for (let count = 1; count < WORKERS && !hasStarted; count += 1) cluster.fork();
    hasStarted = true;
  });
  cluster.on('exit', (worker, code) => {
    listening.delete(worker);
    // Where not even one could start, it has said why.
    if (!hasStarted) process.exit(code || 1);
    if (!isStopping) setTimeout(() => isStopping || cluster.fork(), 500);
    else if (Object.keys(cluster.workers ?? {}).length === 0) process.exit(0);
  });
  cluster.on('message', async (worker, message) => {
    if (message !== 'metrics') return;
    const figures = await Promise.all([...listening].map(askForFigures));
    const text = await AggregatorRegistry.aggregate(figures).metrics();
    if (worker.isConnected()) worker.send({ text });
  });

  function stop(): void {
    isStopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
    setTimeout(() => process.exit(0), DRAIN_TIMEOUT * 1000 + 900);
  }
  // Once: at the second Ctrl-C this process is gone at once, and the workers with it.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  cluster.fork();
}

/** One that dies on the way has none. */
function askForFigures(worker: Worker): Promise<Figures> {
  return new Promise((resolve) => {
    const settle = (figures: Figures) => {
      worker.off('message', read).off('exit', leave);
      resolve(figures);
    };
    const read = (message: { figures?: Figures }) => message.figures && settle(message.figures);
    const leave = () => settle([]);
    worker.on('message', read).on('exit', leave);
    if (worker.isConnected()) worker.send('figures');
    else leave();
  });
}

/** The metrics of this process; of a worker, those of all workers, added up by the primary. */
export function shareMetrics(registry: Registry): () => Promise<string> {
  if (!cluster.isWorker) return () => registry.metrics();
  const waiting = new Set<(text: string) => void>();
  process.on('message', async (message: 'figures' | { text: string }) => {
    if (message === 'figures') process.send?.({ figures: await registry.getMetricsAsJSON() });
    else {
      for (const resolve of waiting) resolve(message.text);
      waiting.clear();
    }
  });
  return async () => {
    process.send?.('metrics');
    return new Promise((resolve) => waiting.add(resolve));
  };
}
