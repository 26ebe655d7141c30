import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { buildApp } from './app.js';
import { readSettings, type Settings, SettingsError } from './settings.js';

/** Under `tsx watch` nobody wants to wait for an open stream to see a change. */
const RELOAD_DRAIN_TIMEOUT = 1;

/** The variables in .env, under those of the real environment. Empty ones count as unset. */
function readEnvironment(): NodeJS.Dict<string> {
  let file = '';
  try {
    file = readFileSync(new URL('../.env', import.meta.url), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const real = Object.entries(process.env).filter(([, value]) => value?.trim());
  return { ...parseEnv(file), ...Object.fromEntries(real) };
}

async function serve(settings: Settings): Promise<void> {
  const app = await buildApp(settings);
  if (!settings.openaiApiKey) {
    app.log.warn('OPENAI_API_KEY is not set: POST /generate will answer 502');
  }

  const reloading = process.argv.includes('--reload');
  const drain = reloading ? RELOAD_DRAIN_TIMEOUT : settings.drainTimeout;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    app.log.info(`${signal}: stopping, open requests have ${drain} s`);
    // A connection that a client keeps alive after its answer would hold the process back.
    setInterval(() => app.server.closeIdleConnections(), 100).unref();
    setTimeout(() => app.server.closeAllConnections(), drain * 1000).unref();
    await app.close();
    process.exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop(signal));
  }

  await app.listen({ host: settings.host, port: settings.port });
}

/** What a person can mend, in one sentence. Anything else is a bug, and keeps its stack trace. */
function explain(error: unknown, { host, port }: Settings): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${host}:${port} is taken: set PORT to a free port.`;
  if (syscall === 'listen' || syscall === 'getaddrinfo') {
    return `Cannot listen on ${host}:${port} (${code}): check HOST and PORT.`;
  }
  return undefined;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function loadSettings(): Settings {
  try {
    return readSettings(readEnvironment());
  } catch (error) {
    if (error instanceof SettingsError) fail(error.message);
    throw error;
  }
}

const settings = loadSettings();
try {
  await serve(settings);
} catch (error) {
  const explanation = explain(error, settings);
  if (explanation) fail(explanation);
  throw error;
}
