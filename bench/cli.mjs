// The command line beside its peers, on one machine in one run:
//   npm run build && npm run bench:cli -- [--rounds 15]
// Whole processes, side by side: each round runs every contestant once, in an order of its own, so
// that whatever else the machine does meets all of them. Reports medians, the least, and ratios of
// both to the first. create-llama always makes a git repository with a first commit, so ours does
// that beside it once. create-mastra cannot be timed here: it runs `npm install` several times over
// the network, and has no option against it.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printTable, quantile, seedRandom } from './figures.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const ROUNDS = Number(values.rounds);
const random = seedRandom(1);
const STACKS = ['fastapi', 'flask', 'fastify', 'express'];
const VITE = 'create-vite@9.3.0';
const PEERS = [
  VITE,
  'sv@0.17.1',
  'create-next-app@16.4.3',
  'create-llama@0.6.3',
  'create-mastra@0.18.9',
];
const root = fileURLToPath(new URL('..', import.meta.url));
/** git wants to know who commits. */
const env = {
  ...process.env,
  GIT_AUTHOR_NAME: 'Bench',
  GIT_AUTHOR_EMAIL: 'bench@example.com',
  GIT_COMMITTER_NAME: 'Bench',
  GIT_COMMITTER_EMAIL: 'bench@example.com',
};
const work = mkdtempSync(join(tmpdir(), 'create-llm-api-bench-'));

try {
  const tarballs = { 'create-llm-api': pack(root), 'create-vite': pack(VITE) };
  const installed = { 'create-llm-api': install(tarballs['create-llm-api']) };
  for (const peer of PEERS) installed[peer.replace(/@.*/, '')] = install(peer);
  printSizes(installed);

  const bins = Object.fromEntries(
    Object.entries(installed).map(([name, { folder }]) => [name, findBin(folder, name)]),
  );
  const bare = { 'node -e 0': () => ['-e', '0'] };
  for (const flag of ['--help', '--version']) {
    const all = Object.entries(bins).map(([name, bin]) => [`${name} ${flag}`, () => [bin, flag]]);
    await printTimes(flag, { ...bare, ...Object.fromEntries(all) });
  }
  let count = 0;
  const target = () => `project-${count++}`;
  const ours = STACKS.map((stack) => [
    `create-llm-api -t ${stack}`,
    () => [bins['create-llm-api'], target(), '-t', stack, '--no-install', '--no-git'],
  ]);
  const svelte = ['--template', 'minimal', '--types', 'ts', '--no-add-ons', '--no-install'];
  const next = ['--yes', '--ts', '--app', '--skip-install', '--disable-git'];
  const llama = ['--use-npm', '--framework', 'nextjs', '--use-case', 'agentic_rag'];
  const quiet = [
    '--post-install-action',
    'none',
    '--vector-db',
    'none',
    '--llama-cloud-key',
    'none',
  ];
  await printTimes('scaffold, without install', {
    'create-vite -t vanilla-ts': () => [
      bins['create-vite'],
      ...[target(), '-t', 'vanilla-ts', '--no-interactive'],
    ],
    ...Object.fromEntries(ours),
    'sv create': () => [bins.sv, 'create', target(), ...svelte],
    'create-next-app': () => [bins['create-next-app'], target(), ...next],
    'create-llama, with git': () => [bins['create-llama'], target(), ...llama, ...quiet],
    'create-llm-api -t fastapi --git': () => [
      bins['create-llm-api'],
      ...[target(), '-t', 'fastapi', '--no-install', '--git'],
    ],
  });
  console.log('create-mastra: not without install, for it has no option against it');
  await measureNpx(tarballs);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** @returns the tarball of a folder, or of a package in the registry */
function pack(spec) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', work, spec];
  const [packed] = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', stdio: 'pipe' }));
  return join(work, packed.filename);
}

/** Installs into an empty folder and counts what came. */
function install(spec) {
  const folder = mkdtempSync(join(work, 'peer-'));
  const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe' };
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', spec], options);
  const lock = JSON.parse(execFileSync('npm', ['ls', '--all', '--json'], options));
  return { folder, packages: countPackages(lock), bytes: sizeOf(join(folder, 'node_modules')) };
}

function findBin(folder, name) {
  const directory = join(folder, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return join(directory, typeof bin === 'string' ? bin : bin[name]);
}

function countPackages(tree, seen = new Set()) {
  for (const [name, child] of Object.entries(tree.dependencies ?? {})) {
    if (child.version) seen.add(`${name}@${child.version}`);
    countPackages(child, seen);
  }
  return seen.size;
}

function sizeOf(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return stats?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function printSizes(installed) {
  console.log('\ninstalled by npm');
  const rows = Object.entries(installed).map(([name, { packages, bytes }]) => [
    name,
    packages,
    (bytes / 1e6).toFixed(2),
  ]);
  printTable([['', 'packages', 'MB'], ...rows]);
}

async function printTimes(title, contestants, file = process.execPath) {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS + 2; round++) {
    // Whoever comes after one that writes much finds the disk busy: each comes after each.
    const places = new Map(Object.keys(contestants).map((name) => [name, random()]));
    const order = [...places.keys()].sort((a, b) => places.get(a) - places.get(b));
    for (const name of order) {
      const took = await timeRun(name, file, contestants[name]());
      // The first two rounds fill the caches of the disk.
      if (round >= 2) times[name].push(took);
    }
  }
  const rows = Object.entries(times).map(([name, all]) => [
    name,
    quantile(all, 0.5),
    Math.min(...all),
  ]);
  const [[, median, least]] = rows;
  console.log(`\n${title}: ms, of ${ROUNDS} rounds`);
  printTable([
    ['', 'median', 'least', '× median', '× least'],
    ...rows.map(([name, ...both]) => [
      name,
      ...both.map((value) => value.toFixed(0)),
      (both[0] / median).toFixed(2),
      (both[1] / least).toFixed(2),
    ]),
  ]);
}

async function timeRun(name, file, args) {
  const startedAt = performance.now();
  const child = spawn(file, args, { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      said += data;
    });
  }
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said}`);
  return performance.now() - startedAt;
}

/** npx with an empty cache, and a registry on this machine that has nothing but these tarballs. */
async function measureNpx(tarballs) {
  const registry = createServer((request, response) => {
    const [, name, file] = request.url.split('/');
    const tarball = tarballs[name];
    if (!tarball) response.writeHead(404).end();
    else if (file) response.end(readFileSync(tarball));
    else response.end(JSON.stringify(describe(name, tarball, request.headers.host)));
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const address = `http://127.0.0.1:${registry.address().port}/`;
  const npx = (name) => () => [
    ...['--yes', '--registry', address, '--cache', mkdtempSync(join(work, 'cache-'))],
    ...['--prefix', work, name, '--version'],
  ];
  const contestants = Object.keys(tarballs).reverse();
  await printTimes(
    'cold npx --version, from a registry on this machine',
    Object.fromEntries(contestants.map((name) => [`npx ${name}`, npx(name)])),
    'npx',
  );
  registry.close();
}

function describe(name, tarball, host) {
  const text = execFileSync('tar', ['-xOzf', tarball, 'package/package.json'], {
    encoding: 'utf8',
  });
  const { version, bin, engines } = JSON.parse(text);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  const dist = { tarball: `http://${host}/${name}/file.tgz`, integrity };
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { name, version, bin, engines, dist } },
  };
}
