import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { render } from '../../src/core/render.ts';
import { languageOf, PACKAGE_MANAGERS } from '../../src/core/stacks.ts';
import { readProjectTemplate } from '../../src/effects/templates.ts';
import type { Project } from './projects.ts';

/** What the Dockerfile of a project says of its last stage. */
export interface Image {
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  /** Of `.dockerignore`. */
  readonly ignored: readonly string[];
}

export async function readImage({ stack }: Project): Promise<Image> {
  const [packageManager = 'npm'] = PACKAGE_MANAGERS[languageOf(stack)];
  const answers = {
    name: 'app',
    stack,
    addons: ['docker'],
    model: 'gpt-4o',
    baseUrl: 'https://api.openai.com/v1',
    packageManager,
  };
  const files = render(answers, await readProjectTemplate(answers), '1.2.3');
  const text = (files.get('Dockerfile')?.text ?? '').split(/^FROM .*\n/m).at(-1) ?? '';
  const find = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? '';
  const env = find(/^ENV ((?:.*\\\n)*.*)$/m).split(/\s*\\\n\s*/);
  return {
    env: Object.fromEntries(env.map((pair) => pair.split('=') as [string, string])),
    user: find(/^USER (.*)$/m),
    command: JSON.parse(find(/^CMD (.*)$/m)),
    healthcheck: JSON.parse(find(/^HEALTHCHECK .* CMD (.*)$/m)),
    ignored: (files.get('.dockerignore')?.text ?? '')
      .split('\n')
      .filter((line) => /^[^#]/.test(line)),
  };
}

/** The files that the image has, from a project that is installed and built; nobody may write them. */
export async function layOutImage({ directory, stack }: Project, image: Image): Promise<string> {
  const layout = await realpath(await mkdtemp(join(tmpdir(), 'contract-image-')));
  const python = languageOf(stack) === 'python';
  const isIgnored = createMatcher(image.ignored);
  await cp(directory, layout, {
    recursive: true,
    filter: (path) => {
      const name = path.slice(directory.length + 1);
      if (name === '' || python) return !isIgnored(name);
      return /^(dist|package\.json)(\/|$)/.test(name);
    },
  });
  const installed = python ? '.venv' : 'node_modules';
  await symlink(join(directory, installed), join(layout, installed));
  execFileSync('chmod', ['-R', 'a-w,a+rX', layout]);
  return layout;
}

export async function removeLayout(layout: string): Promise<void> {
  execFileSync('chmod', ['-R', 'u+w', layout]);
  await rm(layout, { recursive: true });
}

function createMatcher(patterns: readonly string[]): (path: string) => boolean {
  const sources = patterns.map((pattern) =>
    pattern
      .replace(/[.+^$(){}|[\]\\]/g, '\\$&')
      .replace(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(.*/)?')),
  );
  const ignored = new RegExp(`^(${sources.join('|')})(/|$)`);
  return (path) => path !== '' && ignored.test(path);
}

/**
 * Runs a command where a container would: its user, no capabilities, and no disk to write to but
 * memory. All in a mount namespace of its own, which ends with it.
 */
const CONTAIN = `
set -e
mount -t tmpfs tmpfs /mnt
number=0
# What lies in a home that others may not enter is kept, under its own name.
for path in $KEEP; do
  number=$((number + 1))
  mkdir "/mnt/$number"
  mount --bind "$path" "/mnt/$number"
done
mount --bind "$LAYOUT" /srv
mount -t tmpfs -o mode=755 tmpfs "$HOME"
number=0
for path in $KEEP; do
  number=$((number + 1))
  mkdir -p "$path"
  mount --bind "/mnt/$number" "$path"
  mount -o remount,bind,ro "$path"
done
mount -o remount,ro "$HOME"
mount -o remount,bind,ro /srv
mount -o remount,bind,ro /
for path in /tmp /var/tmp; do mount -t tmpfs -o ro tmpfs "$path"; done
cd /srv
exec setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups --no-new-privs \\
  --inh-caps=-all --bounding-set=-all env --ignore-environment "$@"
`;

/** Whether this machine lets us; containers often do not. */
function canContain(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const probe = 'mount -t tmpfs tmpfs /mnt && mount -o remount,bind,ro / && setpriv --version';
  return spawnSync('unshare', ['--mount', 'sh', '-c', probe]).status === 0;
}

export interface Contained {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** @param env what the container is given, on top of the image's own */
export async function contain(
  { directory }: Project,
  layout: string,
  image: Image,
  env: Readonly<Record<string, string>>,
): Promise<Contained> {
  const inside = canContain();
  const home = process.env.HOME ?? '/root';
  const own = { ...image.env, ...env };
  const all = Object.entries(own).map(([name, value]) => [
    name,
    value.replace('/app', inside ? '/srv' : layout).replace('$PATH', process.env.PATH ?? ''),
  ]);
  if (!inside) return { argv: image.command, env: Object.fromEntries(all) };
  const pairs = all.map(([name, value]) => `${name}=${value}`);
  const python = await realpath(join(directory, '.venv/bin/python')).catch(() => undefined);
  // A Python below the home folder: all of its installation.
  const keep = [directory, ...(python?.startsWith(home) ? [join(python, '../..')] : [])];
  return {
    argv: ['unshare', '--mount', 'sh', '-c', CONTAIN, 'sh', ...pairs, ...image.command],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      LAYOUT: layout,
      KEEP: keep.join(' '),
      USER_ID: image.user.split(':')[0] ?? '',
    },
  };
}
