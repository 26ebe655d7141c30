import cluster, { type Worker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Settings } from './settings.js';

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
    const figures = await Promise.all([...listening].map(readFigures));
    const text = await AggregatorRegistry.aggregate(figures).metrics();
    if (worker.isConnected()) worker.send({ text });
  });

  // Once: at the second Ctrl-C this process is gone at once, and the workers with it.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      isStopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
      setTimeout(() => process.exit(0), DRAIN_TIMEOUT * 1000 + 900);
    });
  }
  cluster.fork();
}

/** One that dies on the way, or is too busy to answer, has none. */
async function readFigures(worker: Worker): Promise<object[]> {
  const signal = AbortSignal.timeout(2000);
  if (worker.isConnected()) worker.send('figures');
  for (;;) {
    const [message] = await once(worker, 'message', { signal }).catch(() => [{ figures: [] }]);
    if (message.figures) return message.figures;
  }
}

/** The metrics of this process; of a worker, those of all workers, added up by the primary. */
export function shareMetrics(registry: Registry): () => Promise<string> {
  if (!cluster.isWorker) return () => registry.metrics();
  const answers = new EventEmitter();
  process.on('message', async (message: 'figures' | { text: string }) => {
    if (message === 'figures') process.send?.({ figures: await registry.getMetricsAsJSON() });
    else answers.emit('text', message.text);
  });
  return async () => {
    process.send?.('metrics');
    return String(await once(answers, 'text'));
  };
}
