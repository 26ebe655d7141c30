import type { Exchange } from './exchange.ts';
import { BEFORE_RESET, HTML_PAGE, type Manner } from './manner.ts';
import type { EventTexts } from './reply.ts';

const EVENT_STREAM = [
  'Content-Type',
  'text/event-stream; charset=utf-8',
  'Cache-Control',
  'no-cache',
];
/** How many tokens come before a stream is spoilt. */
const BEFORE_FAULT = 3;

/** Answers with a stream of events in the given manner. */
export function playStream(events: EventTexts, tokens: number, manner: Manner, exchange: Exchange) {
  const late = manner.spoil?.how === 'late' ? manner.spoil.ms : 0;
  if (late > 0) {
    exchange.begin(200, EVENT_STREAM);
    exchange.flush();
  }
  exchange.after(manner.timeToFirstToken + late, () => {
    if (late === 0) exchange.begin(200, EVENT_STREAM);
    playEvents(events, tokens, manner, exchange);
  });
}

function playEvents(events: EventTexts, tokens: number, manner: Manner, exchange: Exchange): void {
  const { spoil, tokensPerSecond } = manner;
  const few = Math.min(BEFORE_FAULT, tokens);
  const say = (count: number, rate: number, next: (rest: string) => void) =>
    sayTokens(events, count, rate, exchange, next);

  switch (spoil?.how) {
    case 'garbage':
      exchange.end('faulted', `data: ${HTML_PAGE}\n\n`);
      break;
    case 'drip':
      say(Number.POSITIVE_INFINITY, 1000 / spoil.ms, () => {});
      break;
    case 'error-object':
      say(few, tokensPerSecond, (rest) =>
        exchange.end('faulted', rest + events.renderError(spoil.error, few)),
      );
      break;
    case 'cut':
      say(few, tokensPerSecond, (rest) => {
        if (spoil.next === 'end') exchange.end('faulted', rest);
        else exchange.write(rest);
        if (spoil.next === 'reset') exchange.after(BEFORE_RESET, () => exchange.reset());
      });
      break;
    default:
      say(tokens, tokensPerSecond, (rest) =>
        exchange.end(spoil ? 'faulted' : 'completed', rest + events.closing),
      );
  }
}

/** Sends the opening and so many tokens in time; `next` gets the text still to be written. */
function sayTokens(
  events: EventTexts,
  count: number,
  tokensPerSecond: number,
  exchange: Exchange,
  next: (rest: string) => void,
): void {
  const period = tokensPerSecond > 0 ? 1000 / tokensPerSecond : 0;
  const start = performance.now();
  let said = 0;
  let text = events.opening;
  const go = () => {
    // Timers come late: all that is due by now goes out together, so that the rate holds.
    const due = period > 0 ? Math.floor((performance.now() - start) / period) + 1 : count;
    while (said < Math.min(due, count)) text += events.renderToken(said++);
    if (said === count) {
      next(text);
      return;
    }
    if (text) exchange.write(text);
    text = '';
    exchange.after(Math.max(1, Math.ceil(start + said * period - performance.now())), go);
  };
  go();
}
