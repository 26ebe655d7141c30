import cluster from 'node:cluster';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { buildApp } from './app.js';
import { traceOf } from './errors.js';
import { readSettings, type Settings, SettingsError } from './settings.js';
import { supervise } from './workers.js';

/** With --reload a watcher waits for this process to end, and a developer for the watcher. */
const isReload = process.argv.includes('--reload');

/** The variables in .env, under those of the real environment. Empty ones count as unset. */
function readEnvironment(): NodeJS.Dict<string> {
  const file = new URL('../.env', import.meta.url);
  const real = Object.entries(process.env).filter(([, value]) => value?.trim());
  const written = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  return { ...written, ...Object.fromEntries(real) };
}

async function serve(settings: Settings): Promise<void> {
  const app = await buildApp(settings);
  process.on('uncaughtException', (error) => {
    app.log.fatal(traceOf(error), 'unexpected error');
    process.exit(1);
  });

  async function stop(): Promise<void> {
    app.log.info('stopping');
    await app.drain(isReload ? 1 : settings.DRAIN_TIMEOUT);
    for (const socket of app.websocketServer.clients) socket.close(1012, 'This server stops.');
    // The last bytes are on their way; connections that carry no request would stay for long.
    await Promise.race([app.close(), sleep(200)]);
    process.exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM']) {
    // Once: at the second Ctrl-C the process is gone at once. A worker gets it from the terminal
    // and from the primary, and goes when the primary is gone.
    process.once(signal, stop);
    if (cluster.isWorker) process.on(signal, () => undefined);
  }

  await app.listen({ host: settings.HOST, port: settings.PORT });
  if ((cluster.worker?.id ?? 1) > 1) return;
  if (cluster.isWorker) {
    app.log.warn(`${settings.WORKERS} workers: each has limits of its own, so they multiply`);
  }
  if (!settings.OPENAI_API_KEY) {
    app.log.warn('OPENAI_API_KEY is not set: POST /generate will answer 502');
  }
}

async function main(): Promise<void> {
  const settings = readSettings(readEnvironment());
  if (cluster.isPrimary && settings.WORKERS > 1 && !isReload) supervise(settings);
  else await serve(settings);
}

/** Says what a person can mend; anything else is a bug, and keeps its stack trace. */
main().catch((error: NodeJS.ErrnoException) => {
  const isAddress = /^(listen|bind|getaddrinfo)$/.test(`${error.syscall}`);
  if (!isAddress && !(error instanceof SettingsError)) throw error;
  const hint = isAddress ? 'Cannot listen, set PORT or HOST: ' : '';
  process.stderr.write(`${hint}${error.message}\n`);
  process.exit(1);
});
