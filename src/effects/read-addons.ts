import { readFileSync } from 'node:fs';
import {
  ADDONS,
  type AddonManifest,
  type AddonName,
  type AddonTemplate,
  parseAddonManifest,
} from '../core/addons.ts';
import { CliError } from '../core/errors.ts';

/** The same from src/effects and dist/cli: see .scripts/build.mjs. */
export const ADDONS_URL = new URL('../../templates/addons/', import.meta.url);

/** What every add-on says of itself, in the order of the table. */
export function readAddonManifests(): readonly Omit<AddonTemplate, 'folders'>[] {
  return ADDONS.map((name) => ({ name, manifest: readAddonManifest(name) }));
}

export function readAddonManifest(name: AddonName): AddonManifest {
  try {
    const url = new URL(`${name}/addon.json`, ADDONS_URL);
    return parseAddonManifest(name, readFileSync(url, 'utf8'));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`The add-on "${name}" is missing or damaged.`, {
      hint: 'Install create-llm-api again.',
      cause,
    });
  }
}
