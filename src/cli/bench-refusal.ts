import type { Probe } from '../bench/probe.ts';
import type { Target } from '../bench/target.ts';
import { maskQuery } from '../core/address.ts';
import { formatArgv } from '../core/commands.ts';
import { CliError } from '../core/errors.ts';

/** Why there is nothing to measure; undefined where other requests may fare better than the first. */
export function explainRefusal(target: Target, probe: Probe): CliError | undefined {
  const { url, timeout } = target;
  const { failure = '', problem, location } = probe;
  if (failure.startsWith('connect')) return unreachable(url, problem);
  const refuse = (what: string, hint: string): CliError =>
    new CliError(`${maskQuery(url)} ${what}: there is nothing to measure.`, { hint });
  if (/^status 30[12378]$/.test(failure)) return refuse(...explainRedirect(url, location));
  if (failure === 'timeout') return refuse(`gives no answer within ${timeout / 1000} s`, SLOW);
  if (failure === 'reset') return refuse('closes the connection unanswered', explainReset(url));
  const hint = HINTS[failure];
  return hint === undefined ? undefined : refuse(WORDS[failure] ?? `answers with ${failure}`, hint);
}

function explainRedirect(url: URL, location: string): [what: string, hint: string] {
  const there = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if (location === '' || !there?.protocol.startsWith('http')) {
    return ['redirects, and does not say where to', 'Is it the right path?'];
  }
  // What it adds to the query may be a key, or where to go back to after a login.
  const address = `${there.origin}${there.pathname}`;
  return [`redirects to ${address}`, `Ask there: ${formatArgv(['llm-api', 'bench', address])}`];
}

/** A server that waits for a handshake, and is sent a request, hangs up. */
function explainReset(url: URL): string {
  if (url.protocol === 'https:') return 'Look at the log of the server. Is it the right port?';
  const secure = maskQuery(new URL(url.href.replace(/^http:/, 'https:')));
  return `Does it speak https? Then ask ${secure}; else look at its log.`;
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
  if (problem === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new CliError(`The certificate of ${origin} is for another name than ${hostname}.`, {
      hint: 'Use the name that it is for.',
    });
  }
  if (problem === 'CERT_HAS_EXPIRED') {
    return new CliError(`The certificate of ${origin} has expired.`, { hint: 'Renew it first.' });
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

const SLOW = 'Look at the log of the server, or give it longer with --timeout.';

const WORDS: Readonly<Record<string, string>> = {
  malformed: 'answers, but not in HTTP/1.1',
  'no events': 'answers, but with no events',
};

/** The failures that no second request would mend. */
const HINTS: Readonly<Record<string, string>> = {
  'status 400': 'Pass the request that it takes with --body.',
  'status 401': 'Pass a key in LLM_API_KEY, or with --key-stdin.',
  'status 403': 'Pass another key in LLM_API_KEY, or with --key-stdin.',
  'status 404': 'Name the path to ask: http://127.0.0.1:8000/generate',
  'status 405': 'Name a path that takes POST: http://127.0.0.1:8000/generate',
  'status 415': 'The server takes no JSON there. Is it the right path?',
  'status 422': 'Pass the request that it takes with --body. Simple stacks take no --stream.',
  malformed: 'Is it the right port, and http or https?',
  'no events': 'It does not stream. Drop --stream.',
};
