import { bad, good, type Judgement, skipped } from '../core/doctor.ts';
import { count } from '../core/doctor-dependencies.ts';
import { clientOf, findProxy, judgeProxy, type Route } from '../core/doctor-proxy.ts';
import { CliError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { compareVersions } from '../core/versions.ts';
import type { ModelList } from '../effects/ask-upstream.ts';
import type { Project } from '../effects/find-project.ts';
import type { Settings } from '../effects/settings.ts';
import type { FoundPython } from './check-python.ts';
import { type Check, once } from './doctor-check.ts';

/** The way to the provider, and what it says to the key and the model. It costs nothing. */
export function upstreamChecks(
  project: Project,
  settings: Settings,
  way: {
    readonly tool: string;
    readonly signal: AbortSignal;
    readonly findRoute: () => Promise<Route>;
  },
): readonly Check[] {
  const { answers } = project.record;
  const names = listModels(settings, answers.model);
  const ask = once(async () => {
    checkKey(settings);
    // Loaded here because it is large, and without a key it is not needed.
    const { askModels } = await import('../effects/ask-upstream.ts');
    return askModels(names, settings, answers, way.signal);
  });
  return [
    { name: 'key', run: () => judgeKey(settings, ask, way) },
    { name: 'model', run: () => judgeModel(settings, names, ask) },
    { name: 'proxy', run: async () => judgeProxy(await way.findRoute()) },
  ];
}

/** @param python what a Python stack runs on, once found */
export function planRoute(
  { record }: Project,
  settings: Settings,
  python: FoundPython | undefined,
): Route {
  const { stack, baseUrl } = record.answers;
  const installed = python?.facts?.installed;
  return {
    env: process.env,
    client: clientOf(stack, (name) => installed?.has(name) ?? false),
    url: settings.get('OPENAI_BASE_URL') ?? baseUrl,
    nodeReads: nodeReadsProxy(),
    speaksSocks: installed?.has('socksio') ?? true,
  };
}

/** What callers may ask for: the first is the one they get without asking. */
function listModels(settings: Settings, model: string): readonly string[] {
  const more = (settings.get('ALLOWED_MODELS') ?? '').split(',').map((name) => name.trim());
  return [...new Set([settings.get('LLM_MODEL') ?? model, ...more.filter(Boolean)])];
}

/** @throws CliError for one that no header can carry: it would be an error far from its cause */
function checkKey(settings: Settings): void {
  if (/^[!-~]+$/.test(settings.get('OPENAI_API_KEY') ?? '')) return;
  const source = settings.source('OPENAI_API_KEY');
  throw new CliError(`The one in ${source} has characters that no key has.`, {
    hint: 'Copy OPENAI_API_KEY again: one line, no spaces.',
  });
}

async function judgeKey(
  settings: Settings,
  ask: () => Promise<ModelList>,
  { tool, findRoute }: { readonly tool: string; readonly findRoute: () => Promise<Route> },
): Promise<Judgement> {
  if (settings.get('OPENAI_API_KEY') === undefined) {
    return skipped(
      'there is none: "dev" answers with the built-in mock',
      'For real answers: OPENAI_API_KEY=… in .env',
    );
  }
  const route = await findRoute();
  try {
    const { listed } = await ask();
    const models = count(listed.length, 'model');
    return good(`${new URL(route.url).host} takes it, and lists ${models} (asked for free)`);
  } catch (error) {
    const { UpstreamError } = await import('../effects/ask-upstream.ts');
    if (!(error instanceof UpstreamError)) throw error;
    const text = error.message.replace(/\.$/, '');
    // A key may be made for answers alone, and a network for proxies alone: neither is a fault.
    if (error.answer === 403) {
      return skipped(text, `${tool} generate --direct Hello   (for an answer: costs a few tokens)`);
    }
    if (error.answer === 'unreachable' && findProxy(route) && !route.nodeReads) {
      return skipped(`${text}: this asked without the proxy`, `${tool} dev --ask Hello`);
    }
    throw error;
  }
}

async function judgeModel(
  settings: Settings,
  names: readonly string[],
  ask: () => Promise<ModelList>,
): Promise<Judgement> {
  const [model = ''] = names;
  if (settings.get('OPENAI_API_KEY') === undefined) {
    return skipped(`${model}: not checked (there is no key)`);
  }
  let answer: ModelList;
  try {
    answer = await ask();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return skipped(`${model}: the provider did not say`);
  }
  const { listed, unknown } = answer;
  if (unknown.length === 0) {
    return good(`${names.join(', ')}: the provider has ${names.length === 1 ? 'it' : 'them'}`);
  }
  const details = unknown.flatMap((name) => {
    const near = nearest(name, listed);
    return near === undefined ? [] : [`${name}: did you mean ${near}?`];
  });
  const setting = unknown.includes(model) ? 'LLM_MODEL' : 'ALLOWED_MODELS';
  return bad(
    `the provider does not have ${unknown.join(', ')}`,
    `Set ${setting} in .env to a model that it has`,
    details,
  );
}

/** Since these versions Node's fetch takes a proxy, where it is told to. */
function nodeReadsProxy(): boolean {
  const { node } = process.versions;
  const able =
    compareVersions(node, '24.0') >= 0 ||
    (compareVersions(node, '22.21') >= 0 && compareVersions(node, '23') < 0);
  return able && process.env.NODE_USE_ENV_PROXY === '1';
}
