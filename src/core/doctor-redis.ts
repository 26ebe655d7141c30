import { hideSecrets } from './address.ts';
import { bad, good, type Judgement } from './doctor.ts';

/** What a Redis URL says: `redis://user:password@host:port/database`, or `rediss:` for TLS. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** What to send before the first question: each an argv. */
  readonly greeting: readonly (readonly string[])[];
}

/** What became of a PING: its answer, or why there was none. */
export type RedisAnswer =
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'error'; readonly code: string };

/** @returns undefined for what is no such URL */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const { protocol = '', hostname = '', port, username = '', password = '' } = url ?? {};
  const database = /^\/?(\d*)$/.exec(url?.pathname ?? '')?.[1];
  if (!['redis:', 'rediss:'].includes(protocol) || !hostname || database === undefined) {
    return undefined;
  }
  const [user, secret] = [username, password].map(decode);
  if (user === undefined || secret === undefined) return undefined;
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 6379),
    tls: protocol === 'rediss:',
    greeting: [
      ...(secret ? [['AUTH', ...(user ? [user] : []), secret]] : []),
      ...(Number(database) > 0 ? [['SELECT', database]] : []),
      ['PING'],
    ],
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** @param text the URL as it is set; its password is not shown */
export function judgeRedis(text: string, answer: RedisAnswer): Judgement {
  const where = hideSecrets(text);
  if (answer.kind === 'reply') return good(`${where} answers`);
  const { code } = answer;
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR)$/.test(code)) {
    const mend = 'Correct the user, the password and the database in REDIS_URL';
    return bad(`${where} refuses us (${code})`, mend);
  }
  return bad(`${where} does not answer (${code})`, 'Start Redis there, or correct REDIS_URL');
}
