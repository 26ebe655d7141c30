import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { buildApp } from './app.js';
import { readSettings, SettingsError } from './settings.js';

/** The variables in .env, under those of the real environment. Empty ones count as unset. */
function readEnvironment(): NodeJS.Dict<string> {
  const file = new URL('../.env', import.meta.url);
  const real = Object.entries(process.env).filter(([, value]) => value?.trim());
  const written = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  return { ...written, ...Object.fromEntries(real) };
}

async function serve(): Promise<void> {
  const settings = readSettings(readEnvironment());
  const app = await buildApp(settings);

  // With --reload a watcher waits for this process to end, and a developer for the watcher.
  const drain = process.argv.includes('--reload') ? 1 : settings.DRAIN_TIMEOUT;
  let stopping = false;
  let open = 0;
  // Without this the exit would wait for connections that carry no request: Node closes only those
  // that have carried one and are idle at the very moment of the close.
  const closeWhenIdle = () => stopping && open === 0 && app.server.closeAllConnections();
  app.server.on('request', (_request, response) => {
    open += 1;
    response.once('close', () => {
      open -= 1;
      closeWhenIdle();
    });
  });

  async function stop(signal: NodeJS.Signals): Promise<void> {
    app.log.info(`${signal}: stopping, open requests have ${drain} s`);
    stopping = true;
    setTimeout(() => app.server.closeAllConnections(), drain * 1000).unref();
    const closed = app.close();
    closeWhenIdle();
    await closed;
    process.exit(0);
  }
  // Once: at the second Ctrl-C the process is gone at once.
  process.once('SIGINT', (signal) => void stop(signal));
  process.once('SIGTERM', (signal) => void stop(signal));

  await app.listen({ host: settings.HOST, port: settings.PORT });
  if (!settings.OPENAI_API_KEY) {
    app.log.warn('OPENAI_API_KEY is not set: POST /generate will answer 502');
  }
}

/** Says what a person can mend; anything else is a bug, and keeps its stack trace. */
serve().catch((error: NodeJS.ErrnoException) => {
  const mendable =
    error instanceof SettingsError || /^(listen|getaddrinfo)$/.test(`${error.syscall}`);
  if (!mendable) throw error;
  const hint = error.syscall ? 'Cannot listen, set PORT or HOST: ' : '';
  process.stderr.write(`${hint}${error.message}\n`);
  process.exit(1);
});
