import cluster, { type Worker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Settings } from './settings.js';

/** The primary of WORKERS processes on one port: starts them, replaces them, stops them. */
export function supervise({ WORKERS, DRAIN_TIMEOUT }: Settings): void {
  let isStopping = false;
  const workers = () => Object.values(cluster.workers ?? {}) as Worker[];

  // The others, when the first one has found that all is well.
  cluster.once('listening', () => {
    for (let count = 1; count < WORKERS; count += 1) cluster.fork();
  });
  cluster.on('exit', (_worker, code) => {
    // Where not even one could start, it has said why.
    if (workers().length === 0) process.exit(isStopping ? 0 : code || 1);
    if (!isStopping) setTimeout(() => isStopping || cluster.fork(), 500);
  });
  cluster.on('message', async (worker, message) => {
    if (message !== 'metrics') return void worker.emit('figures', message);
    const figures = await Promise.all(workers().map(askFigures));
    const metrics = await AggregatorRegistry.aggregate(figures).metrics();
    if (worker.isConnected()) worker.send({ metrics });
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

/**
 * Not prom-client's `clusterMetrics`: one worker that has just begun or is about to die would keep
 * all the others' figures back for five seconds, and then for good.
 */
async function askFigures(worker: Worker) {
  if (worker.isConnected()) worker.send('figures');
  const answer = once(worker, 'figures', { signal: AbortSignal.timeout(500) });
  const [figures] = await answer.catch(() => [[]]);
  return figures;
}

/** What renders the metrics of this process; in a worker, those of all workers, added up. */
export function shareMetrics(tell: () => Registry): () => Promise<string> {
  if (!cluster.isWorker) return () => tell().metrics();
  const answers = new EventEmitter();
  process.on('message', async (message: 'figures' | { metrics: string }) => {
    if (message === 'figures') process.send?.(await tell().getMetricsAsJSON());
    else answers.emit('metrics', message.metrics);
  });
  return async () => {
    process.send?.('metrics');
    return String(await once(answers, 'metrics'));
  };
}
