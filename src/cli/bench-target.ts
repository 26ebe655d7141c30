import { probeTarget } from '../bench/probe.ts';
import { makeTarget, type Target } from '../bench/target.ts';
import { maskQuery } from '../core/address.ts';
import { usageError } from '../core/errors.ts';
import type { BenchFlags } from './bench.ts';
import { explainRefusal } from './bench-refusal.ts';
import { showIfSlow } from './progress.ts';
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
 * Asks once, and once more where the connection broke.
 * @returns the target with the address that its name stands for
 * @throws CliError where every request would fail as this one did
 */
export async function checkTarget(target: Target, signal: AbortSignal): Promise<Target> {
  const asking = (): string => `Asking ${maskQuery(target.url)} once`;
  let probe = await showIfSlow(asking, probeTarget(target, signal), SOON_MS);
  // One connection may break by accident.
  if (probe.failure === 'reset') probe = await probeTarget(target, signal);
  const refusal = explainRefusal(target, probe);
  if (refusal) throw refusal;
  return { ...target, address: probe.address };
}

/** At once, for who waits; too late to be seen where the server is well. */
const SOON_MS = 300;
