import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { plainEnvironment, ROOT } from './cli.ts';

export interface Packed {
  readonly filename: string;
  readonly version: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** What `npm publish` would send, as a tarball in `folder`. */
function packTarball(folder: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const output = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  return JSON.parse(output)[0];
}

/** Installs the packed tarball into `folder`, offline: there is nothing else to fetch. */
export function installTarball(folder: string): Packed {
  const packed = packTarball(folder);
  const args = ['install', '--no-audit', '--no-fund', '--offline', join(folder, packed.filename)];
  execFileSync('npm', args, { cwd: folder, env: plainEnvironment(), stdio: 'pipe' });
  return packed;
}
