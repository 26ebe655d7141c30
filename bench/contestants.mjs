// The servers that bench/speed.mjs compares: ours, the listing that people copy, and the framework
// with nothing but a fast client. What the latter two need is installed once, in exact versions,
// below the system's temporary directory.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareProject } from './servers.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
export const cache = join(tmpdir(), 'create-llm-api-bench-cache');

/** The same versions as in the stacks, where those have the package. */
const PYTHON = [
  'aiohttp==3.14.5',
  'fastapi==0.165.0',
  'flask==3.1.3',
  'gunicorn==27.0.1',
  'httptools==0.9.0',
  'openai==3.54.0',
  'uvicorn==0.54.0',
  'uvloop==0.23.0',
];
const NODE = { express: '5.3.0', fastify: '5.12.8', openai: '6.49.0', undici: '6.29.1' };

const ROOM = { MAX_CONCURRENCY: '2000', MAX_QUEUE: '2000', RATE_LIMIT: '100000000/minute' };

/** @returns by name: what starts it, where, and with which variables */
export function prepareContestants(stack, project) {
  const ours = prepareProject(stack, project);
  const others = { snippet: 'snippets', ...(ours.layout === 'async' && { bare: 'bare' }) };
  const run = ours.language === 'python' ? runPython : runNode;
  return {
    ours: { ...ours, env: ROOM },
    ...Object.fromEntries(
      Object.entries(others).map(([name, folder]) => [
        name,
        { ...run(stack, name, folder), env: {} },
      ]),
    ),
  };
}

/** With what ours runs on as well: uvloop and httptools, gunicorn with 32 threads. */
function runPython(stack, name, folder) {
  const directory = installPython('python', PYTHON);
  const bin = join(directory, '.venv', 'bin');
  // Under another name: `fastapi.py` would hide the package.
  cpSync(join(here, folder, `${stack}.py`), join(directory, `${stack}_${name}.py`));
  const target = `${stack}_${name}:app`;
  if (stack === 'flask') {
    const args = ['--threads', '32', '--bind', '127.0.0.1:{port}', target];
    return { directory, start: [join(bin, 'gunicorn'), args] };
  }
  const quiet = name === 'bare' ? ['--no-access-log'] : [];
  return { directory, start: [join(bin, 'uvicorn'), ['--port', '{port}', ...quiet, target]] };
}

function runNode(stack, name, folder) {
  const directory = installNode('node', NODE);
  const file = `${stack}-${name}.mjs`;
  cpSync(join(here, folder, `${stack}.mjs`), join(directory, file));
  return { directory, start: [process.execPath, [file]] };
}

/** @returns the folder, with a `.venv` that has these packages */
export function installPython(name, packages) {
  return install(name, packages.join('\n'), (options) => {
    execFileSync('python3', ['-m', 'venv', '.venv'], options);
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
    execFileSync(join('.venv', 'bin', 'python'), args, options);
  });
}

/** @returns the folder, with a `node_modules` that has these packages */
export function installNode(name, dependencies) {
  const manifest = JSON.stringify({ private: true, dependencies });
  return install(name, manifest, (options) => {
    writeFileSync(join(options.cwd, 'package.json'), manifest);
    const flags = [
      '--ignore-scripts',
      '--legacy-peer-deps',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    execFileSync('npm', ['install', ...flags], options);
  });
}

function install(name, versions, run) {
  const directory = join(cache, name);
  const mark = join(directory, 'installed');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === versions) return directory;
  console.error(`installing what is compared, once: ${directory}`);
  mkdirSync(directory, { recursive: true });
  run({ cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(mark, versions);
  return directory;
}
