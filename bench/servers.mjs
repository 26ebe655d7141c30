// What the benches of the generated servers share: a project of a stack, its server in production,
// and the mock as its upstream, in this process, so that both ends are timed by one clock.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const ASYNC_STACKS = ['fastapi', 'fastify'];
/** Of the shape that LiteLLM takes for a strong one. */
export const CALLER_KEY = `sk-${createHash('sha256').update('bench').digest('hex')}`;
const root = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'create-llm-api-bench-'));
const running = new Set();
const hasTaskset = spawnSync('taskset', ['--version']).status === 0;

/**
 * Runs `measure` for each stack that was asked for; it returns the bounds that were broken.
 * Whatever happens, nothing that was started is left.
 */
export function runBench(numbers, measure) {
  return runStacks({ numbers, stacks: ASYNC_STACKS }, async (stack, options) => {
    const project = prepareProject(stack, options.project);
    console.log(`\n${stack}, Node ${process.version}`);
    const broken = await measure(project, options);
    for (const bound of broken) console.log(`  BROKEN: ${bound}`);
    if (broken.length > 0) process.exitCode = 1;
  });
}

/** `known` has the options: `numbers` with their defaults, the `stacks`, and other `texts`. */
export async function runStacks(known, measure) {
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
    process.once(signal, () => {
      cleanUp();
      process.exit(code);
    });
  }
  try {
    const options = readOptions(known);
    for (const stack of options?.stacks ?? []) await measure(stack, options);
  } finally {
    cleanUp();
  }
}

function cleanUp() {
  for (const child of running) killGroup(child);
  rmSync(work, { recursive: true, force: true });
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
}

function readOptions(known) {
  try {
    return parseOptions(known);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
  }
}

function parseOptions({ numbers, stacks: known, texts = {} }) {
  const { values } = parseArgs({
    options: {
      stack: { type: 'string', default: known.join() },
      project: { type: 'string' },
      ...Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: 'string' }])),
      ...texts,
    },
  });
  const stacks = values.stack.split(',');
  if (!stacks.every((name) => known.includes(name))) {
    throw new Error(`--stack is one or more of ${known.join()}`);
  }
  if (values.project && stacks.length > 1) throw new Error('--project needs its --stack');
  const options = { ...values, stacks, project: values.project && resolve(values.project) };
  for (const [name, usual] of Object.entries(numbers)) {
    options[name] = Number(values[name] ?? usual);
    if (!(options[name] > 0)) throw new Error(`--${name} is a number above 0`);
  }
  return options;
}

/** A project as people make it, or one that they have already. */
export function prepareProject(stack, given) {
  const directory = given ?? join(work, stack);
  if (!given) {
    console.error(`making a ${stack} project…`);
    const bin = join(root, 'bin', 'create-llm-api.js');
    const flags = ['-t', stack, '--yes', '--no-key', '--no-git'];
    runTool(process.execPath, [bin, directory, ...flags], root);
  }
  const text = readFileSync(join(root, 'templates', 'stacks', stack, 'stack.json'), 'utf8');
  const { commands, layout, language } = JSON.parse(text);
  if (commands.build) runTool(...findProgram(directory, commands.build), directory);
  return { stack, layout, language, directory, start: findProgram(directory, commands.start) };
}

function findProgram(directory, [name, ...args]) {
  if (name === 'node') return [process.execPath, args];
  const folders = ['.venv/bin', '.venv/Scripts', 'node_modules/.bin'];
  const paths = folders.map((folder) => join(directory, folder, name));
  return [paths.find((path) => existsSync(path)) ?? name, args];
}

function runTool(file, args, cwd) {
  execFileSync(file, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

/**
 * The server in production. It is killed at the bench's end unless it was stopped before. With a
 * `core` it runs on that one alone, where the system can do that, and logs into a file.
 */
export async function startServer({ directory, start: [file, args] }, upstream, env, core) {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = core === undefined ? undefined : join(work, `server-${port}.log`);
  const out = logFile === undefined ? 'pipe' : openSync(logFile, 'w');
  const child = spawn(
    ...pinTo(
      core,
      file,
      args.map((arg) => arg.replace('{port}', port)),
    ),
    {
      cwd: directory,
      // Its own group: what it starts goes when it goes.
      detached: true,
      stdio: ['ignore', out, out],
      env: {
        PATH: `${join(directory, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
        HOME: process.env.HOME,
        APP_ENV: 'production',
        API_KEYS: CALLER_KEY,
        OPENAI_API_KEY: 'sk-bench',
        OPENAI_BASE_URL: upstream.url,
        LLM_MODEL: 'mock',
        ALLOWED_MODELS: ['mock', ...upstream.faults.map((name) => `mock-${name}`)].join(','),
        RATE_LIMIT: '0',
        PORT: String(port),
        ...env,
      },
    },
  );
  running.add(child);
  const exit = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    return code ?? signal;
  });
  const log = new EventEmitter();
  const last = [];
  for (const stream of [child.stdout, child.stderr].filter(Boolean)) {
    createInterface(stream).on('line', (line) => {
      last.push(line);
      if (last.length > 50) last.shift();
      log.emit('line', line);
    });
  }
  const server = { url, pid: child.pid, log, exit, signal: (name) => child.kill(name) };
  const isUp = async () => {
    if (child.exitCode !== null) {
      const said = logFile ? readFileSync(logFile, 'utf8').slice(-5000) : last.join('\n');
      throw new Error(`it did not start:\n${said}`);
    }
    // A server that has no such page is up all the same when it says so.
    return (await fetch(`${url}/healthz`).catch(() => undefined))?.status < 500;
  };
  await eventually(isUp, 60, 'the server is up');
  return server;
}

/** What runs a program on one core alone, where the system has `taskset`; Linux does. */
export function pinTo(core, file, args) {
  if (core === undefined || !hasTaskset) return [file, args];
  return ['taskset', ['--cpu-list', String(core), file, ...args]];
}

/** Its exit code, or what it was killed by when it took longer than that. */
export async function stopServer(server, seconds = 15) {
  server.signal('SIGTERM');
  const code = await Promise.race([server.exit, pause(1000 * seconds, 'late', { ref: false })]);
  if (code === 'late') for (const child of running) if (child.pid === server.pid) killGroup(child);
  return code === 'late' ? server.exit : code;
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The mock, and what it does not tell: each call as it comes, and the connections it has open. */
export async function startUpstream(options) {
  const outfile = join(work, 'mock.mjs');
  const entryPoints = [join(root, 'src', 'mock', 'index.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm' });
  const { startMock, FAULTS } = await import(pathToFileURL(outfile).href);
  const mock = await startMock(options);
  const calls = new EventEmitter();
  let listener;
  subscribe('http.server.request.start', ({ server, response }) => {
    if (server.address()?.port !== mock.port) return;
    listener = server;
    const ended = new Promise((done) => response.on('close', () => done(performance.now())));
    calls.emit('call', { ended });
  });
  return {
    mock,
    url: mock.url,
    faults: FAULTS.map(({ name }) => name),
    /** The next call that comes. */
    next: () => once(calls, 'call').then(([call]) => call),
    countConnections: () =>
      new Promise((done) => {
        if (listener) listener.getConnections((_, count) => done(count));
        else done(0);
      }),
    close: () => mock.close(),
  };
}

/** @throws Error when `check` is not true within `seconds` */
export async function eventually(check, seconds, what) {
  const deadline = performance.now() + 1000 * seconds;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(5);
  }
}
