// Bundles src/ into dist/cli: one file for main, and one for each thing that is imported with
// `import()`, with all that it needs. dist/cli lies as deep as src/effects, so `../../templates` is
// right from both. The templates themselves go into dist/templates: see pack-templates.mjs.
//
// CommonJS, and few files to read: on Node 20 that starts a third sooner than ES modules in chunks,
// and code that a command does not need is not even parsed.
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { collectNotices } from './notices.mjs';
import { packTemplates } from './pack-templates.mjs';

const root = new URL('..', import.meta.url);
const folder = fileURLToPath(root);
const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));

// Built aside and then put in place: whoever runs the tool meanwhile finds the old one or the new.
const aside = `dist-${process.pid}`;
/** What becomes a file of its own, and its name. Grows while it is gone through. */
const files = new Map([
  ['src/cli/main.ts', 'main'],
  // Heavy, and needed by several.
  ['execa', 'execa'],
]);
/** Files that are nearly all a library's. */
const LIBRARIES = new Set(['execa', 'effects-ask', 'effects-ask-upstream']);
/**
 * Main has these for all: it knows an error by its class, whoever throws, loads commander, and knows
 * whether standard output is a stream yet.
 */
const MAINS = new Set(['src/core/errors.ts', 'src/cli/print.ts', 'commander']);
/** What reads templates and compiles them where they lie, which is done here once and for all. */
const PACKED = new Map([
  ['src/effects/template-files.ts', join(folder, 'src/effects/packed-files.ts')],
  ['src/core/compile-template.ts', join(folder, '.scripts/no-compiler.mjs')],
]);
const outputs = {};
for (const [source, name] of files) {
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: { [name]: source },
    outdir: `${aside}/cli`,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    minifyWhitespace: true,
    minifySyntax: true,
    // Not of what is ours: the stack of a bug is to name functions that we can find.
    minifyIdentifiers: LIBRARIES.has(name),
    format: 'cjs',
    platform: 'node',
    target: 'node20.17',
    // What esbuild writes instead is `require`: Node's own would load its whole loader of modules.
    supported: { 'dynamic-import': false },
    alias: { '@inquirer/external-editor': './.scripts/no-editor.mjs' },
    define: { __VERSION__: JSON.stringify(version), 'import.meta.dirname': '__dirname' },
    plugins: [
      { name: 'files of their own', setup: (hooks) => keepApart(hooks, name) },
      { name: 'a smaller commander', setup: shortenCommander },
    ],
    metafile: true,
    logLevel: 'warning',
  });
  Object.assign(outputs, metafile.outputs);
}
await packTemplates(root, await loadReader(), new URL(`${aside}/templates/`, root));
await rm(new URL('dist', root), { recursive: true, force: true });
await rename(new URL(aside, root), new URL('dist', root));
const notices = await collectNotices(root, { outputs }, ['ejs']);
await writeFile(new URL('THIRD-PARTY-NOTICES', root), notices);

/** What reads the templates in tests: of TypeScript, which Node 20 does not run. */
async function loadReader() {
  const file = new URL(`${aside}/cli/template-files.mjs`, root);
  await build({
    absWorkingDir: folder,
    entryPoints: ['src/effects/template-files.ts'],
    outfile: fileURLToPath(file),
    bundle: true,
    format: 'esm',
    platform: 'node',
  });
  const { readTemplateFiles } = await import(file);
  await rm(file);
  return readTemplateFiles;
}

function keepApart({ onResolve, onLoad }, name) {
  onResolve({ filter: /./ }, ({ path, kind, resolveDir }) => {
    if (kind === 'entry-point') return;
    const isOurs = path.startsWith('.') && path.endsWith('.ts');
    const source = isOurs ? relative(folder, join(resolveDir, path)).replaceAll('\\', '/') : path;
    if (kind === 'dynamic-import' && isOurs && !files.has(source)) {
      files.set(source, source.slice('src/'.length, -'.ts'.length).replaceAll('/', '-'));
    }
    if (name !== 'main' && MAINS.has(source)) return { path: './main.cjs', external: true };
    if (PACKED.has(source)) return { path: PACKED.get(source) };
    if (files.has(source)) return { path: `./${files.get(source)}.cjs`, external: true };
  });
  // commander could start programs for subcommands in files of their own; we have none, and what
  // starts programs takes longer to load than commander.
  onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
    /[\\/]commander[\\/]/.test(importer) ? { path: 'none', namespace: 'none' } : undefined,
  );
  onLoad({ filter: /^none$/, namespace: 'none' }, () => ({ contents: '' }));
}

/** It lies beside code of ours: file by file, then, so that only its own names become short. */
function shortenCommander({ onLoad }) {
  onLoad({ filter: /[\\/]commander[\\/]lib[\\/]/ }, async ({ path }) => {
    const { code } = await transform(await readFile(path, 'utf8'), { minify: true });
    return { contents: code };
  });
}
