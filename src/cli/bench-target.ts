import { probeTarget } from '../bench/probe.ts';
import { makeTarget, type Target } from '../bench/target.ts';
import { maskQuery } from '../core/address.ts';
import { CliError, usageError } from '../core/errors.ts';
import type { BenchFlags } from './bench.ts';
import { readKeyFromInput } from './read-key.ts';

/** What is asked, from the flags. */
export function planTarget(url: URL, key: string | undefined, flags: BenchFlags): Target {
  const { stream = false, body, prompt, header = [], keyHeader, timeout } = flags;
  const isNamed = key !== undefined && keyHeader !== undefined;
  return makeTarget(url, {
    body: body ?? JSON.stringify({ prompt, ...(stream && { stream }) }),
    headers: isNamed ? [...header, [keyHeader, key]] : header,
    key: isNamed ? undefined : key,
    stream,
    timeout: 1000 * timeout,
  });
}

/** Where to ask: `/generate`, unless another path was named. */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw usageError('The URL is not the address of a server.', 'Example: http://127.0.0.1:8000');
  }
  if (url.username || url.password) {
    throw usageError('The URL has a user name or password in it.', 'Use LLM_API_KEY instead.');
  }
  if (url.pathname === '/') url.pathname = '/generate';
  url.hash = '';
  return url;
}

export async function readKey(
  { keyStdin, keyHeader }: BenchFlags,
  signal: AbortSignal,
): Promise<string | undefined> {
  const key = keyStdin ? await readKeyFromInput(signal) : process.env.LLM_API_KEY;
  if (!key && keyStdin) throw usageError('There is no key on standard input.');
  if (!key && keyHeader !== undefined) {
    throw usageError('--key-header has no key.', 'Pass it in LLM_API_KEY, or with --key-stdin.');
  }
  // A header of its own may have more to it: `Basic …`, two cookies.
  const allowed = keyHeader === undefined ? /^[\x21-\x7e]+$/ : /^[\x20-\x7e]+$/;
  if (key && !allowed.test(key)) throw usageError('The key has characters no key has.');
  return key || undefined;
}

/**
 * Asks once.
 * @returns the target with the address that its name stands for
 * @throws CliError where every request would fail as this one did
 */
export async function checkTarget(target: Target, signal: AbortSignal): Promise<Target> {
  const { failure, problem, address } = await probeTarget(target, signal);
  if (failure?.startsWith('connect')) throw unreachable(target.url, problem);
  const hint = HINTS[failure ?? ''];
  if (hint === undefined) return { ...target, address };
  throw new CliError(
    `${maskQuery(target.url)} answers with ${failure}: there is nothing to measure.`,
    { hint },
  );
}

function unreachable({ origin, hostname }: URL, problem = 'no reason given'): CliError {
  if (problem === 'ECONNREFUSED') {
    return new CliError(`Nobody listens on ${origin}.`, {
      hint: 'Start the server, or name the right address.',
    });
  }
  if (problem === 'ENOTFOUND' || problem === 'EAI_AGAIN') {
    return new CliError(`There is no host called ${hostname}.`);
  }
  if (/CERT|SELF_SIGNED|VERIFY/.test(problem)) {
    return new CliError(`The certificate of ${origin} is not trusted (${problem}).`, {
      hint: 'Where it is your own, name it: NODE_EXTRA_CA_CERTS=certificate.pem',
    });
  }
  return new CliError(`${origin} cannot be reached (${problem}).`, {
    hint: 'Is it the right address, and http or https?',
  });
}

/** The failures that no second request would mend. */
const HINTS: Readonly<Record<string, string>> = {
  'status 400': 'Pass the request that it takes with --body.',
  'status 401': 'Pass a key in LLM_API_KEY, or with --key-stdin.',
  'status 403': 'Pass another key in LLM_API_KEY, or with --key-stdin.',
  'status 404': 'Name the path to ask: http://127.0.0.1:8000/generate',
  'status 405': 'Name a path that takes POST: http://127.0.0.1:8000/generate',
  'status 415': 'The server takes no JSON there. Is it the right path?',
  'status 422': 'Pass the request that it takes with --body. Simple stacks take no --stream.',
  malformed: 'It does not speak HTTP/1.1. Is it the right port?',
  'no events': 'It does not stream. Drop --stream.',
};
