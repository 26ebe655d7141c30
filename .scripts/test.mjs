// `npm test`: every tier, one after the other. A tier that cannot run here is named, never skipped
// in silence. Arguments choose tiers: `npm test -- unit contract`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTool, installDependencies, root } from './prepare.mjs';
import { findMissing } from './system.mjs';

const TIERS = [
  'unit',
  'property',
  'snapshot',
  'commands',
  'terminal',
  'packaging',
  'contract',
  'addons',
];

/** What a tier needs from the system beyond Node: program → Debian's package. */
const NEEDS = {
  property: { python3: 'python3', git: 'git' },
  commands: { python3: 'python3', git: 'git' },
  terminal: { zsh: 'zsh', fish: 'fish' },
  packaging: { git: 'git' },
  contract: { python3: 'python3', git: 'git' },
  addons: {
    python3: 'python3',
    git: 'git',
    'redis-server': 'redis-server',
    nginx: 'nginx-light',
  },
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((tier) => !TIERS.includes(tier));
if (unknown.length > 0) {
  console.error(`No such tier: ${unknown.join(', ')}. There are: ${TIERS.join(', ')}.`);
  process.exit(2);
}

installDependencies();
buildTool();

const failuresFolder = mkdtempSync(join(tmpdir(), 'create-llm-api-failures-'));
const report = [];
for (const tier of TIERS.filter((name) => chosen.length === 0 || chosen.includes(name))) {
  const missing = findMissing(NEEDS[tier] ?? {});
  if (missing.length > 0) {
    report.push({
      tier,
      outcome: `NOT RUN: install ${missing.join(' ')} (apt-get install ${missing.join(' ')})`,
    });
    continue;
  }
  const started = Date.now();
  const failuresFile = join(failuresFolder, tier);
  const { status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...['--project', tier],
      ...['--reporter=default', '--reporter=./.scripts/failures.mjs'],
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, FAILURES_FILE: failuresFile } },
  );
  const seconds = Math.round((Date.now() - started) / 1000);
  report.push({
    tier,
    failed: status !== 0,
    failures: existsSync(failuresFile) ? readFileSync(failuresFile, 'utf8') : 'no report was left',
    outcome: `${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`,
  });
}

rmSync(failuresFolder, { recursive: true, force: true });

// Told again at the end: of a long log it is what is read, and may be all that is kept.
for (const { tier, failures } of report.filter((row) => row.failed)) {
  console.log(`\n${tier} failed:\n${failures || 'no test did'}`);
}

console.log('\nTiers:');
for (const { tier, outcome } of report) console.log(`  ${tier.padEnd(10)} ${outcome}`);
const failed = report.filter((row) => row.failed).length;
const skipped = report.filter((row) => row.failed === undefined).length;
console.log(
  `\ntiers: ${report.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`,
);
// A tier that did not run is not a tier that passed.
process.exit(failed + skipped > 0 ? 1 : 0);
