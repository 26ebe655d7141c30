import { join } from 'node:path';
import { expect } from 'vitest';
import { CALLER_KEYS, KEY } from '../contract/environment.ts';
import { eventually } from '../contract/eventually.ts';
import { send } from '../contract/http.ts';
import { type OwnServer, startOwnServer } from '../contract/own.ts';
import { buildManifests } from './manifests.ts';

/** What a pod of the overlay `production` has in its environment, on this machine. */
export async function readPodEnvironment(
  directory: string,
  upstream: string,
): Promise<Readonly<Record<string, string>>> {
  const overlay = join(directory, 'kubernetes/overlays/production');
  const { data } = (await buildManifests(overlay)).get('ConfigMap');
  const secret = { OPENAI_API_KEY: KEY, API_KEYS: CALLER_KEYS.join(',') };
  return { ...data, ...secret, HOST: '127.0.0.1', OPENAI_BASE_URL: upstream };
}

/** Resolves once its readiness probe would succeed. */
export async function startPod(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<OwnServer> {
  const pod = await startOwnServer(directory, environment);
  await eventually(async () => expect((await send(pod.url, { path: '/readyz' })).status).toBe(200));
  return pod;
}
