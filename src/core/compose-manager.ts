import type { PackageManager } from './stacks.ts';

/** What one package manager reads beside `package.json`. */
interface ManagerFiles {
  readonly files: Readonly<Record<string, string>>;
  /** What it writes into the project that is nobody's to commit. */
  readonly ignored: readonly string[];
}

const NONE: ManagerFiles = { files: {}, ignored: [] };

/** @param manifest the text of the template's `package.json` */
export function composeManagerFiles(manager: PackageManager, manifest: string): ManagerFiles {
  if (manager === 'pnpm') {
    return { ...NONE, files: { 'pnpm-workspace.yaml': composePnpmSettings(manifest) } };
  }
  if (manager === 'yarn') {
    // Without node_modules editors, tsx and `llm-api dev` would each need a loader of yarn's.
    const files = { '.yarnrc.yml': 'nodeLinker: node-modules\n' };
    return { files, ignored: ['.yarn/install-state.gz'] };
  }
  return NONE;
}

/** pnpm fails where a package has an install script that nobody allowed or refused. */
function composePnpmSettings(manifest: string): string {
  const { allowScripts = {} } = JSON.parse(manifest) as {
    readonly allowScripts?: Readonly<Record<string, boolean>>;
  };
  const builds = Object.entries(allowScripts).map(([name, allowed]) => `  ${name}: ${allowed}\n`);
  return `packages:\n  - .\n${builds.length > 0 ? 'allowBuilds:\n' : ''}${builds.join('')}`;
}
