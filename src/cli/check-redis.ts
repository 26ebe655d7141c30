import { bad } from '../core/doctor.ts';
import { judgeRedis, parseRedisUrl } from '../core/doctor-redis.ts';
import type { Project } from '../effects/find-project.ts';
import { pingRedis } from '../effects/ping-redis.ts';
import { readAddonManifests } from '../effects/read-addons.ts';
import type { Settings } from '../effects/settings.ts';
import type { Check } from './doctor-check.ts';

const NAME = 'REDIS_URL';

/** A line only where the project uses one. */
export function redisChecks(
  { record }: Project,
  settings: Settings,
  signal: AbortSignal,
): readonly Check[] {
  const used = readAddonManifests().filter(({ name }) => record.answers.addons.includes(name));
  const setting = used
    .flatMap(({ manifest }) => manifest.env ?? [])
    .find((one) => one.name === NAME);
  if (!setting) return [];
  const url = settings.get(NAME) ?? setting.value;
  const run = async () => {
    const address = parseRedisUrl(url);
    if (address) return judgeRedis(url, await pingRedis(address, signal));
    return bad(`${NAME} is no address of a Redis`, `Write it as ${setting.value}`);
  };
  return [{ name: 'redis', run }];
}
