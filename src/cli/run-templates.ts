import { readManifests } from '../effects/templates.ts';
import { createPrinter } from './print.ts';
import type { TemplatesFlags } from './templates.ts';

export async function runTemplates(flags: TemplatesFlags): Promise<void> {
  const print = createPrinter(flags);
  const stacks = (await readManifests()).map(({ name, manifest }) => {
    const { layout, language, title, summary } = manifest;
    return { name, layout, language, title, summary };
  });
  if (flags.json) return print.json(stacks);
  const widths = (['name', 'layout', 'language'] as const).map((key) =>
    Math.max(...stacks.map((stack) => stack[key].length)),
  );
  for (const { name, layout, language, title, summary } of stacks) {
    const cells = [name, layout, language].map((cell, index) => cell.padEnd(widths[index] ?? 0));
    print.say(`${cells.join('  ')}  ${title}\n    ${summary}`);
  }
}
