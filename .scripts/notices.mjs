// A bundle owes the licences of what is in it: one section for every package whose code was kept.
import { readdir, readFile } from 'node:fs/promises';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.|-|$)/i;

/**
 * @param generators packages that wrote some of the code, and so have lines of their own in it
 * @returns {Promise<string>} the text of THIRD-PARTY-NOTICES for an esbuild metafile
 */
export async function collectNotices(root, metafile, generators) {
  const folders = new Set(generators.map((name) => `node_modules/${name}`));
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      if (folder && bytesInOutput > 0) folders.add(folder);
    }
  }
  const sections = await Promise.all([...folders].sort().map((folder) => notice(root, folder)));
  return `create-llm-api contains code of these packages.\n\n${sections.join('\n')}`;
}

async function notice(root, folder) {
  const directory = new URL(`${folder}/`, root);
  const { name, version, license } = JSON.parse(
    await readFile(new URL('package.json', directory), 'utf8'),
  );
  const files = (await readdir(directory)).filter((file) => LICENCE_FILE.test(file)).sort();
  if (files.length === 0 && !license) throw new Error(`${name} ships no licence`);
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, directory), 'utf8')));
  const body = texts.map((text) => text.trim()).join('\n\n') || `Licensed under ${license}.`;
  return `${'-'.repeat(72)}\n${name} ${version} (${license})\n\n${body}\n`;
}
