import cluster from 'node:cluster';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { buildApp } from './app.js';
import { traceOf } from './problems.js';
import { readSettings, type Settings } from './settings.js';
import { supervise } from './workers.js';

// V8 would soon put objects of requests where they stay until the next long garbage collection,
// with all that they hold. They end within seconds: without that, a core answers a fifth more.
setFlagsFromString('--no-allocation-site-pretenuring');

async function main(): Promise<void> {
  const file = new URL('../.env', import.meta.url);
  const dotenv = parseEnv(existsSync(file) ? readFileSync(file, 'utf8') : '');
  const settings = readSettings(process.env, { ...dotenv });
  // A watcher waits for this process to end, and a developer for the watcher.
  if (process.argv.includes('--reload')) await serve({ ...settings, DRAIN_TIMEOUT: 1, WORKERS: 1 });
  else if (cluster.isPrimary && settings.WORKERS > 1) supervise(settings);
  else await serve(settings);
}

async function serve(settings: Settings): Promise<void> {
  const { OPENAI_API_KEY, WORKERS, HOST, PORT } = settings;
  const app = await buildApp(settings);
  process.on('uncaughtException', (error) => {
    app.log.fatal(traceOf(error), 'unexpected error');
    // Requests that have ended just now are told first.
    setTimeout(() => process.exit(1), 50);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    // Once: at the second Ctrl-C the process is gone at once. A worker hears of the first one from
    // the terminal and from the primary, and goes when that is gone.
    process.once(signal, () => app.close().finally(() => process.exit(0)));
    if (cluster.isWorker) process.on(signal, () => undefined);
  }
  if ((cluster.worker?.id ?? 1) === 1) {
    if (WORKERS > 1) app.log.warn(`${WORKERS} workers multiply limits (RATE_LIMIT not with Redis)`);
    if (!OPENAI_API_KEY) app.log.warn('OPENAI_API_KEY is not set: POST /generate answers 502');
  }
  await app.listen({ host: HOST, port: PORT });
}

/** Says what a person can mend; anything else is a bug, and keeps its stack trace. */
main().catch((error: NodeJS.ErrnoException) => {
  const isAddress = /^(listen|bind|getaddrinfo)$/.test(`${error.syscall}`);
  if (!isAddress && error.name !== 'SettingsError') throw error;
  process.stderr.write(`${isAddress ? 'Cannot listen, set PORT or HOST: ' : ''}${error.message}\n`);
  process.exit(1);
});
