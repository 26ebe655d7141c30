import { text as readAll } from 'node:stream/consumers';
import { runLoad } from '../bench/load.ts';
import { type Probe, probeTarget } from '../bench/probe.ts';
import { type Summary, summarize } from '../bench/summary.ts';
import { makeTarget, type Target } from '../bench/target.ts';
import { CliError, usageError } from '../core/errors.ts';
import type { BenchFlags } from './bench.ts';
import { withInterrupt } from './interrupt.ts';
import { createPrinter } from './print.ts';

const CLOSED_CONNECTIONS = 64;
const OPEN_CONNECTIONS = 1024;

export async function runBench(typed: string, flags: BenchFlags): Promise<void> {
  const { stream = false, rate, duration, warmup, timeout } = flags;
  const connections = flags.connections ?? (rate ? OPEN_CONNECTIONS : CLOSED_CONNECTIONS);
  const target = makeTarget(parseUrl(typed), {
    body: flags.body ?? JSON.stringify({ prompt: flags.prompt, ...(stream && { stream }) }),
    headers: flags.header ?? [],
    key: await readKey(flags),
    stream,
    timeout: 1000 * timeout,
  });
  const print = createPrinter({ json: flags.json === true });
  const tally = await withInterrupt(async (signal) => {
    const { address } = await checkTarget(target, signal);
    return runLoad({ ...target, address }, { connections, rate, duration, warmup, signal });
  });
  const summary = summarize(tally, { stream, rate });
  const document = {
    target: target.url.href,
    stream,
    connections,
    rate,
    duration,
    warmup,
    ...summary,
  };
  checkSummary(summary, document);
  print.say(JSON.stringify(summary, null, 2));
  print.json({ ok: true, ...document });
}

/** Where to ask: `/generate`, unless another path was named. */
function parseUrl(text: string): URL {
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

async function readKey({ keyStdin }: BenchFlags): Promise<string | undefined> {
  const key = keyStdin ? (await readAll(process.stdin)).trim() : process.env.LLM_API_KEY;
  if (!key && keyStdin) throw usageError('There is no key on standard input.');
  if (key && !/^[\x21-\x7e]+$/.test(key)) throw usageError('The key has characters no key has.');
  return key || undefined;
}

/** @throws CliError where every request would fail as this one did */
async function checkTarget(target: Target, signal: AbortSignal): Promise<Probe> {
  const probe = await probeTarget(target, signal);
  const { failure, problem } = probe;
  const { href, origin } = target.url;
  if (failure === 'connect') {
    throw new CliError(`Nobody listens on ${origin} (${problem}).`, { hint: CONNECT_HINT });
  }
  const hint = HINTS[failure ?? ''];
  if (hint === undefined) return probe;
  throw new CliError(`${href} answers with ${failure}: there is nothing to measure.`, { hint });
}

const CONNECT_HINT =
  'Start the server, or name the right address. For a certificate of your own: NODE_EXTRA_CA_CERTS.';

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

/** @throws CliError where there is no answer whose time could be told */
function checkSummary({ requests, errors }: Summary, details: Record<string, unknown>): void {
  if (requests > 0) return;
  const kinds = errors.map(({ kind, count }) => `${kind} (${count})`).join(', ');
  throw new CliError(
    kinds
      ? `No request was answered: ${kinds}.`
      : 'No answer came within the time that is measured.',
    { hint: 'Look at the log of the server, or give it longer with --duration.', details },
  );
}
