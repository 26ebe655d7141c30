import { renderError } from './errors.ts';
import { type Exchange, JSON_TYPE } from './exchange.ts';
import { BEFORE_RESET, HTML_PAGE, type Manner } from './manner.ts';
import { playStream } from './play-stream.ts';
import type { Reply } from './reply.ts';
import type { Spoil } from './spoil.ts';

/** Answers a request in the given manner. */
export function play(reply: Reply, manner: Manner, exchange: Exchange): void {
  const { spoil } = manner;
  if (spoil?.how === 'hang') return;
  if (spoil?.how === 'reset') exchange.reset();
  else if (spoil?.how === 'status') {
    const retry = spoil.saysWhen ? ['Retry-After', String(manner.retryAfter)] : [];
    exchange.send('faulted', spoil.status, renderError(spoil.error), [...JSON_TYPE, ...retry]);
  } else if (reply.events) playStream(reply.events, reply.tokens, manner, exchange);
  else exchange.after(timeToAnswer(reply, manner), () => playPlain(reply, spoil, exchange));
}

function timeToAnswer(reply: Reply, { spoil, timeToFirstToken, tokensPerSecond }: Manner): number {
  if (reply.tokens === 0) return spoil?.how === 'late' ? spoil.ms : 0;
  const speaking = tokensPerSecond > 0 ? (1000 * (reply.tokens - 1)) / tokensPerSecond : 0;
  return timeToFirstToken + speaking + (spoil?.how === 'late' ? spoil.ms : 0);
}

function playPlain(reply: Reply, spoil: Spoil | undefined, exchange: Exchange): void {
  switch (spoil?.how) {
    case 'garbage':
      exchange.send('faulted', 200, HTML_PAGE, ['Content-Type', 'text/html']);
      break;
    case 'error-object':
      exchange.send('faulted', 200, renderError(spoil.error));
      break;
    case 'drip':
      exchange.begin(200, JSON_TYPE);
      drip(spoil.ms, exchange);
      break;
    case 'cut':
      cut(reply.renderBody(), spoil.next, exchange);
      break;
    default:
      exchange.send(spoil ? 'faulted' : 'completed', 200, reply.renderBody());
  }
}

function drip(ms: number, exchange: Exchange): void {
  exchange.write(' ');
  exchange.after(ms, () => drip(ms, exchange));
}

/** Chunked, so that a clean end is clean to HTTP and only the JSON is in pieces. */
function cut(body: string, next: 'silence' | 'reset' | 'end', exchange: Exchange): void {
  exchange.begin(200, JSON_TYPE);
  exchange.write(body.slice(0, body.length / 2));
  if (next === 'end') exchange.end('faulted');
  else if (next === 'reset') exchange.after(BEFORE_RESET, () => exchange.reset());
}
