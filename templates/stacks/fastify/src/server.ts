import cluster from 'node:cluster';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildApp } from './app.js';
import { traceOf } from './errors.js';
import { readSettings, type Settings, SettingsError } from './settings.js';
import { supervise } from './workers.js';

/** With --reload a watcher waits for this process to end, and a developer for the watcher. */
const isReload = process.argv.includes('--reload');

async function main(): Promise<void> {
  // An empty variable counts as unset, and hides none of .env.
  for (const [name, value] of Object.entries(process.env))
    if (!value?.trim()) delete process.env[name];
  const file = fileURLToPath(new URL('../.env', import.meta.url));
  if (existsSync(file)) process.loadEnvFile(file);
  const settings = readSettings(process.env);
  if (cluster.isPrimary && settings.WORKERS > 1 && !isReload) supervise(settings);
  else await serve(settings);
}

async function serve(settings: Settings): Promise<void> {
  const app = await buildApp(settings);
  process.on('uncaughtException', (error) => {
    app.log.fatal(traceOf(error), 'unexpected error');
    process.exit(1);
  });

  async function stop(): Promise<void> {
    app.log.info('stopping');
    await app.exchanges.drain(isReload ? 1 : settings.DRAIN_TIMEOUT);
    for (const socket of app.websocketServer.clients) socket.close(1012, 'This server stops.');
    // The last bytes are on their way; connections that carry no request would stay for long.
    await Promise.race([app.close(), sleep(200)]);
    process.exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM']) {
    // Once: at the second Ctrl-C the process is gone at once. A worker hears of the first one from
    // the terminal and from the primary, and goes when that is gone.
    process.once(signal, stop);
    if (cluster.isWorker) process.on(signal, () => undefined);
  }

  if (cluster.worker?.id === 1) {
    app.log.warn(`${settings.WORKERS} workers: each has limits of its own, so they multiply`);
  }
  if (!settings.OPENAI_API_KEY && (cluster.worker?.id ?? 1) === 1) {
    app.log.warn('OPENAI_API_KEY is not set: POST /generate will answer 502');
  }
  await app.listen({ host: settings.HOST, port: settings.PORT });
}

/** Says what a person can mend; anything else is a bug, and keeps its stack trace. */
main().catch((error: NodeJS.ErrnoException) => {
  const isAddress = /^(listen|bind|getaddrinfo)$/.test(`${error.syscall}`);
  if (!isAddress && !(error instanceof SettingsError)) throw error;
  const hint = isAddress ? 'Cannot listen, set PORT or HOST: ' : '';
  process.stderr.write(`${hint}${error.message}\n`);
  process.exit(1);
});
