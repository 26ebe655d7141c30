import ejs from 'ejs';
import type { Fill } from './tree.ts';

/**
 * Made where a template is read as text: in tests. Of what is published the build has made it
 * already, so that no run loads EJS (`.scripts/pack-templates.mjs`).
 */
export function compileTemplate(path: string, text: string): Fill {
  return (context, print) => {
    const run = (compileDebug: boolean): string =>
      ejs.render(text, context, { escape: print, filename: path, compileDebug });
    try {
      return run(false);
    } catch {
      // What finds the line of a mistake makes a template take twice as long.
      return run(true);
    }
  };
}
