import { type AddonName, checkAddons } from '../core/addons.ts';
import { layoutOf, type StackName } from '../core/stacks.ts';
import type { Asker } from '../effects/ask.ts';
import { readAddonManifests } from '../effects/templates.ts';

/**
 * The add-ons that the flag names, or those that are ticked of the ones that fit the stack.
 * @throws CliError (2) where they do not go together, or not with the stack
 */
export async function chooseAddons(
  stack: StackName,
  flag: readonly AddonName[] | undefined,
  ask: Asker | undefined,
): Promise<readonly AddonName[]> {
  if (!flag && !ask) return [];
  const all = readAddonManifests();
  const fitting = all
    .filter(({ manifest }) => manifest.layouts.includes(layoutOf(stack)))
    .map(({ name, manifest: { title, summary } }) => ({
      value: name,
      name: title,
      description: summary,
    }));
  const chosen =
    flag ?? (await ask?.choices('Anything else? (add or remove it later)', fitting)) ?? [];
  checkAddons(
    stack,
    all.filter(({ name }) => chosen.includes(name)),
  );
  return chosen;
}
