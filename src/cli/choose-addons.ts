import { ADDONS, type AddonName, checkAddons } from '../core/addons.ts';
import { CliError } from '../core/errors.ts';
import { layoutOf, type StackName } from '../core/stacks.ts';
import type { Asker } from '../effects/ask.ts';
import { readAddonManifests } from '../effects/read-addons.ts';

/**
 * The add-ons that the flag names, or those that are ticked of the ones that fit the stack.
 * @throws CliError (2) where those of the flag do not go together, or not with the stack
 */
export async function chooseAddons(
  stack: StackName,
  flag: readonly AddonName[] | undefined,
  ask: Asker | undefined,
): Promise<readonly AddonName[]> {
  if (!flag && !ask) return [];
  const all = readAddonManifests();
  const check = (chosen: readonly AddonName[]): void =>
    checkAddons(
      stack,
      all.filter(({ name }) => chosen.includes(name)),
      (together) => {
        const names = ADDONS.filter((name) => together.includes(name) || chosen.includes(name));
        return `Take them together: --with ${names.join(',')}`;
      },
    );
  if (flag) {
    check(flag);
    return flag;
  }
  if (!ask) return [];
  const fitting = all
    .filter(({ manifest }) => manifest.layouts.includes(layoutOf(stack)))
    .map(({ name, manifest: { title, summary } }) => ({
      value: name,
      name: title,
      description: summary,
    }));
  return ask.choices('Anything else? (add or remove it later)', fitting, (ticked) =>
    findProblem(() => check(ticked)),
  );
}

/** In the words of the error, for where it is not the end. */
function findProblem(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof CliError) return error.message;
    throw error;
  }
}
