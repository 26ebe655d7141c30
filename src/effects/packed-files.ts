import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fill, TemplateFile, TemplateTree } from '../core/tree.ts';

/** `template-files.ts` of the bundle: `.scripts/pack-templates.mjs` wrote what it reads. */
export function readTemplateFiles(folder: string): TemplateTree {
  const packed = join(import.meta.dirname, '../templates', folder);
  const files: Record<string, TemplateFile> = JSON.parse(readFileSync(`${packed}.json`, 'utf8'));
  const fills: Readonly<Record<string, Fill>> = require(`${packed}.cjs`);
  const entries = Object.entries(files);
  return new Map(
    entries.map(([path, file]) => {
      const fill = fills[path];
      return [path, fill ? { ...file, fill } : file];
    }),
  );
}
