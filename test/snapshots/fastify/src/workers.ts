import cluster, { type Worker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { AggregatorRegistry, type MetricObject, type Registry } from 'prom-client';
import type { Settings } from './settings.js';

type Figures = MetricObject[];

/** The primary of WORKERS processes on one port: starts them, replaces them, stops them. */
export function supervise({ WORKERS, DRAIN_TIMEOUT }: Settings): void {
  /** The last of each worker. When it is gone, what it counted stays true. */
  const figures = new Map<Worker, Figures>();
  let gone: Figures = [];
  let [hasStarted, isStopping] = [false, false];
  const workers = () => Object.values(cluster.workers ?? {}) as Worker[];

  cluster.on('listening', () => {
    // The first one has found that all is well.
    for (let count = 1; count < WORKERS && !hasStarted; count += 1) cluster.fork();
    hasStarted = true;
  });
  cluster.on('exit', (_worker, code) => {
    // Where not even one could start, it has said why.
    if (!hasStarted) process.exit(code || 1);
    if (!isStopping) setTimeout(() => isStopping || cluster.fork(), 500);
    else if (workers().length === 0) process.exit(0);
  });
  cluster.on('message', async (worker, message: 'metrics' | { figures: Figures }) => {
    if (message !== 'metrics') {
      figures.set(worker, message.figures);
      worker.emit('figures');
    } else {
      await Promise.all(workers().map(askFigures));
      const text = await AggregatorRegistry.aggregate([gone, ...figures.values()]).metrics();
      if (worker.isConnected()) worker.send({ text });
    }
  });
  cluster.on('disconnect', (worker) => {
    worker.emit('figures');
    const counted = figures.get(worker)?.filter(({ type }) => `${type}` !== 'gauge') ?? [];
    gone = AggregatorRegistry.aggregate([gone, counted]).getMetricsAsArray();
    figures.delete(worker);
  });
  // Once: at the second Ctrl-C this process is gone at once, and the workers with it.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      isStopping = true;
      for (const worker of workers()) worker.process.kill('SIGTERM');
      setTimeout(() => process.exit(0), DRAIN_TIMEOUT * 1000 + 900);
    });
  }
  cluster.fork();
}

/** One that is too busy to answer, or dies on the way, is known by its last figures. */
async function askFigures(worker: Worker): Promise<void> {
  if (!worker.isConnected()) return;
  worker.send('figures');
  await once(worker, 'figures', { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
}

/** The metrics of this process; of a worker, those of all workers, added up by the primary. */
export function shareMetrics(registry: Registry) {
  if (!cluster.isWorker) return { render: () => registry.metrics(), leave: async () => {} };
  const texts = new EventEmitter();
  const leave = async () => void process.send?.({ figures: await registry.getMetricsAsJSON() });
  process.on('message', (message: 'figures' | { text: string }) =>
    message === 'figures' ? leave() : texts.emit('text', message.text),
  );
  const render = async () => {
    process.send?.('metrics');
    return String(await once(texts, 'text'));
  };
  return { render, leave };
}
