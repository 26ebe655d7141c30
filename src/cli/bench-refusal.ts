import type { Probe } from '../bench/probe.ts';
import type { Target } from '../bench/target.ts';
import { maskQuery } from '../core/address.ts';
import { CliError } from '../core/errors.ts';

/** Why there is nothing to measure; undefined where other requests may fare better than the first. */
export function explainRefusal(target: Target, probe: Probe): CliError | undefined {
  const { failure = '', problem } = probe;
  if (failure === 'connect') return unreachable(target.url, problem);
  const hint = HINTS[failure];
  if (hint === undefined) return undefined;
  const what =
    failure === 'timeout'
      ? `gives no answer within ${target.timeout / 1000} s`
      : `answers with ${failure}`;
  return new CliError(`${maskQuery(target.url)} ${what}: there is nothing to measure.`, { hint });
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
  timeout: 'Look at the log of the server, or give it longer with --timeout.',
  malformed: 'It does not speak HTTP/1.1. Is it the right port?',
  'no events': 'It does not stream. Drop --stream.',
};
