import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ADDONS,
  type AddonManifest,
  type AddonName,
  type AddonTemplate,
  parseAddonManifest,
} from '../core/addons.ts';
import { CliError } from '../core/errors.ts';

/** The same from src/effects and dist/cli: see .scripts/build.mjs. */
const ADDONS_FOLDER = join(import.meta.dirname, '../../templates/addons');

/** What every add-on says of itself, in the order of the table. */
export function readAddonManifests(): readonly Omit<AddonTemplate, 'folders'>[] {
  return ADDONS.map((name) => ({ name, manifest: readAddonManifest(name) }));
}

export function readAddonManifest(name: AddonName): AddonManifest {
  try {
    const file = join(ADDONS_FOLDER, name, 'addon.json');
    return parseAddonManifest(name, readFileSync(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`The add-on "${name}" is missing or damaged.`, {
      hint: 'Install create-llm-api again.',
      cause,
    });
  }
}
