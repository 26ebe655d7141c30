// Bundles src/ into dist/: one entry, one chunk for each thing that only some commands load.
// dist/cli and dist/chunks lie as deep as src/effects, so `../../templates` is right from all.
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { collectNotices } from './notices.mjs';

const root = new URL('..', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));

// Built aside and then put in place: whoever runs the tool meanwhile finds the old one or the new.
const aside = `dist-${process.pid}`;
const { metafile } = await build({
  absWorkingDir: new URL('.', root).pathname,
  entryPoints: { 'cli/main': 'src/cli/main.ts' },
  outdir: aside,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  minifySyntax: true,
  minifyWhitespace: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  alias: { '@inquirer/external-editor': './.scripts/no-editor.mjs' },
  define: { __VERSION__: JSON.stringify(version) },
  // commander and cross-spawn are CommonJS: bundled as ESM they still require built-in modules, and
  // nothing else. This costs nothing in a chunk that requires none, where createRequire does.
  banner: { js: 'const require=(name)=>process.getBuiltinModule(name);' },
  metafile: true,
  logLevel: 'warning',
});
await rm(new URL('dist', root), { recursive: true, force: true });
await rename(new URL(aside, root), new URL('dist', root));
await writeFile(new URL('THIRD-PARTY-NOTICES', root), await collectNotices(root, metafile));
