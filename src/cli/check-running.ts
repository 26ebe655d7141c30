import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bad, good, type Judgement } from '../core/doctor.ts';
import { judgeSettings, listNames } from '../core/doctor-settings.ts';
import { type Address, planAddress } from '../effects/choose-address.ts';
import { readDevAddress } from '../effects/dev-address.ts';
import { formatFrom, type Project } from '../effects/find-project.ts';
import { findFreePort, isPortFree } from '../effects/ports.ts';
import { readAddonManifests } from '../effects/read-addons.ts';
import { readEnvFile, type Settings } from '../effects/settings.ts';
import type { Check } from './doctor-check.ts';

/** What the server meets when it starts: its port and its settings. */
export function runningChecks(project: Project, settings: Settings): readonly Check[] {
  return [
    { name: 'port', run: async () => judgePort(project, planAddress({}, settings)) },
    { name: 'settings', run: () => checkSettings(project, settings) },
  ];
}

async function judgePort({ directory }: Project, address: Address): Promise<Judgement> {
  const { host, port, url, askedBy } = address;
  const where = `${port} on ${host}`;
  if (await isPortFree(host, port)) return good(`${where} is free`);
  if ((await readDevAddress(directory)) === url)
    return good(`${where}: this project's server runs`);
  const free = await findFreePort(host, port + 1);
  const who = askedBy === undefined ? '; "dev" takes the next one, "start" does not' : '';
  return bad(
    `${where} is taken by another program${who}`,
    `Stop that program, or take another port: PORT=${free} in .env`,
  );
}

/** As the contract of the servers has it; the simple stacks have no keys of their own. */
const NEEDED_IN_PRODUCTION = ['OPENAI_API_KEY', 'API_KEYS'];

async function checkSettings(project: Project, settings: Settings): Promise<Judgement> {
  const { directory, manifest, record } = project;
  const file = await readEnvFile(directory);
  const example = await readFile(join(directory, '.env.example'), 'utf8').catch(() => '');
  const addons = readAddonManifests().filter(({ name }) => record.answers.addons.includes(name));
  const variables = [manifest, ...addons.map((addon) => addon.manifest)];
  const known = variables.flatMap(({ env = [] }) => env.map(({ name }) => name));
  return judgeSettings({
    known,
    documented: listNames(example),
    names: file && Object.keys(file),
    anyCase: manifest.language === 'python',
    copy: formatFrom(project, 'cp .env.example .env'),
    missing: NEEDED_IN_PRODUCTION.filter(
      (name) => known.includes(name) && settings.get(name) === undefined,
    ),
    production: settings.get('APP_ENV') === 'production',
    hidden: Object.entries(file ?? {}).flatMap(([name, value]) =>
      value && process.env[name] && process.env[name] !== value ? [name] : [],
    ),
  });
}
