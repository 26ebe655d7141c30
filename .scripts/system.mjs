// Programs that some tests need from the system: found, or installed where that can be done.
import { spawnSync } from 'node:child_process';

/**
 * @param {Record<string, string>} needs program → Debian's package
 * @returns {string[]} packages that are missing after all; root with apt installs them first
 */
export function findMissing(needs) {
  const missing = () =>
    Object.entries(needs).flatMap(([program, name]) => (has(program) ? [] : [name]));
  const packages = missing();
  if (packages.length === 0 || process.getuid?.() !== 0 || !has('apt-get')) return packages;
  console.error(`Installing ${packages.join(' ')} with apt …`);
  spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
  spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return missing();
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
