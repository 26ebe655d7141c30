import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { binPath, plainEnvironment } from './cli.ts';

/**
 * A project as `create-llm-api` makes it, with what its lock names installed in name only: enough
 * for whoever looks which versions are there, and done in no time and without a network.
 */
export async function makeInstalledProject(
  directory: string,
  stack: 'flask' | 'express',
): Promise<void> {
  const manager = stack === 'flask' ? 'pip' : 'npm';
  const args = [directory, '-t', stack, '-p', manager, '--no-install', '--no-git', '--no-key'];
  execFileSync(process.execPath, [binPath('create-llm-api'), ...args], {
    env: plainEnvironment(),
    stdio: 'pipe',
  });
  await (stack === 'flask' ? installPython(directory) : installNode(directory));
}

async function installNode(directory: string): Promise<void> {
  const lock = JSON.parse(await readFile(join(directory, 'package-lock.json'), 'utf8'));
  for (const [path, entry] of Object.entries(lock.packages)) {
    const { version, optional } = entry as { version: string; optional?: boolean };
    if (path !== '' && !optional) await installNodePackage(directory, path, version);
  }
}

export async function installNodePackage(
  directory: string,
  path: string,
  version: string,
): Promise<void> {
  await mkdir(join(directory, path), { recursive: true });
  await writeFile(join(directory, path, 'package.json'), JSON.stringify({ version }));
}

/** Everything that is locked, what is meant for other systems left out by its marker. */
async function installPython(directory: string): Promise<void> {
  execFileSync('python3', ['-m', 'venv', '--without-pip', '.venv'], { cwd: directory });
  const names = ['requirements.txt', 'requirements-dev.txt'];
  const locks = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const lock = locks.join('');
  const lines = [...lock.matchAll(/^([a-z][\w.-]*)==([^\s;]+)(.*)$/gm)];
  for (const [, name = '', version = '', rest = ''] of lines) {
    if (!/win32'|emscripten'/.test(rest) || rest.includes('!=')) {
      await installPythonPackage(directory, name, version);
    }
  }
  await installPythonPackage(directory, 'pip', '23.2.1');
}

export async function installPythonPackage(
  directory: string,
  name: string,
  version: string,
): Promise<void> {
  const folder = await findSitePackages(directory);
  // As wheels write it: the folder has underscores, the name in it is spelled as its author likes.
  const info = join(folder, `${name.replaceAll('-', '_')}-${version}.dist-info`);
  await mkdir(info, { recursive: true });
  const metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`;
  await writeFile(join(info, 'METADATA'), metadata);
}

export async function findSitePackages(directory: string): Promise<string> {
  const lib = join(directory, '.venv/lib');
  const [python = ''] = await readdir(lib);
  return join(lib, python, 'site-packages');
}
