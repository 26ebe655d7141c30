import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { formatDiff } from '../../src/core/format.ts';
import { render } from '../../src/core/render.ts';
import { languageOf, PACKAGE_MANAGERS, STACKS, type StackName } from '../../src/core/stacks.ts';
import { type FileEntry, type FileTree, sortTree } from '../../src/core/tree.ts';
import { readTemplate } from '../../src/effects/templates.ts';

const SNAPSHOTS = fileURLToPath(new URL('../snapshots/', import.meta.url));
/** In place of the lock files, which are long and written by machines: path → sha256. */
const LOCKS = 'locks.json';
const LOCK_FILE = /^(package-lock\.json|requirements(-dev)?\.txt)$/;

const ADVICE = `What a new project looks like has changed. If that is what you want, run
  UPDATE_SNAPSHOTS=1 npx vitest run --project snapshot
and commit test/snapshots with your change, so that its review shows it.`;

test.each(STACKS.map(({ name }) => name))('a new %s project', async (stack) => {
  const rendered = takeSnapshot(await renderStack(stack));
  const folder = join(SNAPSHOTS, stack);
  if (process.env.UPDATE_SNAPSHOTS === '1') await writeTree(folder, rendered);
  expect(describeChanges(await readTree(folder), rendered), ADVICE).toBe('');
});

async function renderStack(stack: StackName): Promise<FileTree> {
  const [packageManager = 'npm'] = PACKAGE_MANAGERS[languageOf(stack)];
  const answers = {
    name: 'My LLM API',
    stack,
    addons: [],
    model: 'gpt-4o',
    baseUrl: 'https://api.openai.com/v1',
    packageManager,
  };
  return render(answers, await readTemplate(stack), '1.2.3');
}

function takeSnapshot(files: FileTree): FileTree {
  const [locks, kept] = [new Map<string, string>(), new Map<string, FileEntry>()];
  for (const [path, file] of files) {
    if (LOCK_FILE.test(path)) locks.set(path, createHash('sha256').update(file.text).digest('hex'));
    else kept.set(path, file);
  }
  const text = `${JSON.stringify(Object.fromEntries(locks), null, 2)}\n`;
  return sortTree([...kept, [LOCKS, { text, mode: 0o644 }]]);
}

/** One line for each path that is missing, new or of another mode; a diff for each other text. */
function describeChanges(before: FileTree, after: FileTree): string {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changes = paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (!old) return [`new: ${path}`];
    if (!now) return [`gone: ${path}`];
    const mode = old.mode === now.mode ? [] : [`mode ${now.mode.toString(8)}: ${path}`];
    const diff = formatDiff(path, old.text, now.text) || `other line ends: ${path}`;
    return old.text === now.text ? mode : [...mode, diff];
  });
  return changes.join('\n');
}

async function readTree(folder: string): Promise<FileTree> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  return sortTree(
    await Promise.all(
      files.map(async (entry): Promise<readonly [string, FileEntry]> => {
        const file = join(entry.parentPath, entry.name);
        const [text, { mode }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
        const path = file.slice(folder.length + 1).replaceAll('\\', '/');
        return [path, { text, mode: mode & 0o100 ? 0o755 : 0o644 }];
      }),
    ),
  );
}

async function writeTree(folder: string, files: FileTree): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [path, { text, mode }] of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    await chmod(file, mode);
  }
}
