// The command line beside its peers, on one machine in one run:
//   node .scripts/build.mjs && node bench/cli.mjs
// Whole processes, side by side: each round runs every contestant once, in turn, so that whatever
// else the machine does meets all of them. Reports medians, and ratios of medians.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = 15;
const PEERS = ['create-vite@9.3.0', 'create-llama', 'create-mastra'];
const root = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'create-llm-api-bench-'));

try {
  const installed = Object.fromEntries(PEERS.map((peer) => [peer, installPackage(peer)]));
  const ours = installPackage(packOurs());
  printSizes({ 'create-llm-api': ours, ...installed });

  const vite = join(installed[PEERS[0]].folder, 'node_modules', 'create-vite', 'index.js');
  const llm = join(ours.folder, 'node_modules', 'create-llm-api', 'bin', 'create-llm-api.js');
  let count = 0;
  const target = () => `project-${count++}`;
  printTimes('scaffold, without install (whole process)', {
    'create-llm-api -t fastify': () => [llm, target(), '-t', 'fastify', '--no-install', '--no-git'],
    'create-llm-api -t fastapi': () => [llm, target(), '-t', 'fastapi', '--no-install', '--no-git'],
    'create-vite -t vanilla-ts': () => [vite, target(), '-t', 'vanilla-ts', '--no-interactive'],
  });
  printTimes('--help', {
    'node -e 0': () => ['-e', '0'],
    'create-llm-api --help': () => [llm, '--help'],
    'create-vite --help': () => [vite, '--help'],
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}

function packOurs() {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', work];
  const [packed] = JSON.parse(
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }),
  );
  return join(work, packed.filename);
}

/** Installs into an empty folder and counts what came. */
function installPackage(spec) {
  const folder = mkdtempSync(join(work, 'peer-'));
  const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe' };
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', spec], options);
  const lock = JSON.parse(execFileSync('npm', ['ls', '--all', '--json'], options));
  return { folder, packages: countPackages(lock), bytes: sizeOf(join(folder, 'node_modules')) };
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

function printSizes(rows) {
  console.log('\ninstalled by npm');
  for (const [name, { packages, bytes }] of Object.entries(rows)) {
    console.log(
      `  ${name.padEnd(28)} ${String(packages).padStart(4)} packages ${(bytes / 1e6).toFixed(2).padStart(8)} MB`,
    );
  }
}

function printTimes(title, contestants) {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS + 2; round++) {
    for (const [name, argv] of Object.entries(contestants)) {
      const started = performance.now();
      const { status, stderr } = spawnSync(process.execPath, argv(), {
        cwd: work,
        encoding: 'utf8',
      });
      const took = performance.now() - started;
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      // The first two rounds fill the caches of the disk.
      if (round >= 2) times[name].push(took);
    }
  }
  const medians = Object.entries(times).map(([name, all]) => [name, median(all)]);
  const [, first] = medians[0];
  console.log(`\n${title}: median of ${ROUNDS}, beside the first`);
  for (const [name, value] of medians) {
    console.log(
      `  ${name.padEnd(28)} ${value.toFixed(0).padStart(5)} ms   ${(value / first).toFixed(2)}x`,
    );
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
