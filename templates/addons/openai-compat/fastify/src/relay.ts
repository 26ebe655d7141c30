import { StringDecoder } from 'node:string_decoder';
import type { Exchange } from './exchange.js';
import { beginEvents, type Service } from './generate.js';
import { Problem } from './problems.js';
import { type Reader, readUsage } from './upstream.js';

/** Characters. An event that does not end would fill the memory. */
const MAX_EVENT = 1_048_576;
/** What an event ends with: an empty line, whatever the provider ends its lines with. */
const END = /\n\r?\n/g;

/** A whole answer, as it is. */
export function relayAnswer(exchange: Exchange): Reader<Buffer> {
  const chunks: Buffer[] = [];
  return {
    read: (bytes) => chunks.push(bytes) > 0,
    end() {
      const bytes = Buffer.concat(chunks);
      const reply = JSON.parse(bytes.toString());
      if (!reply?.choices) throw new Problem('upstream-failed', { reason: 'no choices' });
      exchange.usage = readUsage(reply);
      exchange.end = { model: reply.model, finish_reason: reply.choices[0]?.finish_reason ?? null };
      return bytes;
    },
  };
}

/** Until the first event a failure is a status; from then on it is the last event. */
export async function relayStream(
  exchange: Exchange,
  { upstream }: Service,
  call: object,
): Promise<undefined> {
  const { raw } = exchange.reply;
  let ping: NodeJS.Timeout | undefined;
  const send = (events: string, resume: () => void) => {
    ping ??= beginEvents(exchange.reply);
    ping.refresh();
    const isFlowing = raw.write(events);
    if (!isFlowing) raw.once('drain', resume);
    return isFlowing;
  };
  try {
    await upstream.ask(exchange, call, () => relayEvents(exchange, send));
  } finally {
    clearInterval(ping);
  }
  raw.end();
}

/** Passes whole events on as they are: one that tells of a failure is told in our words instead. */
function relayEvents(
  exchange: Exchange,
  send: (events: string, resume: () => void) => boolean,
): Reader<void> {
  const decoder = new StringDecoder();
  let rest = '';
  let [hasBegun, isDone] = [false, false];

  function readEvent(event: string): void {
    for (const line of event.split('\n')) {
      const data = line.startsWith('data:') ? line.slice(5).trim() : '';
      if (data === '') continue;
      hasBegun = true;
      isDone ||= data === '[DONE]';
      if (data === '[DONE]') continue;
      const reply = JSON.parse(data);
      if (reply?.error)
        throw new Problem('upstream-failed', { reason: 'error event', isPassing: true });
      exchange.end.model ??= reply?.model;
      exchange.end.finish_reason ??= reply?.choices?.[0]?.finish_reason ?? null;
      exchange.usage = readUsage(reply) ?? exchange.usage;
    }
  }

  function pass(events: string, resume: () => void): boolean {
    if (events === '') return true;
    exchange.firstToken ??= performance.now() - exchange.startedAt;
    return send(events, resume);
  }

  return {
    read(bytes, resume) {
      const received = rest + decoder.write(bytes);
      let [start, passed, isFlowing] = [0, 0, true];
      try {
        for (const { 0: end, index } of received.matchAll(END)) {
          readEvent(received.slice(start, index));
          start = index + end.length;
          // Comments before the first event say nothing of how the call will end.
          if (hasBegun) passed = start;
        }
      } finally {
        rest = received.slice(passed);
        // What came before a failure is still an answer.
        isFlowing = pass(received.slice(0, passed), resume);
      }
      if (rest.length > MAX_EVENT) throw new Problem('upstream-failed', { reason: 'no end' });
      return isFlowing;
    },
    end() {
      readEvent(rest);
      if (!isDone && !exchange.end.finish_reason) throw new Problem('upstream-truncated');
      pass(rest, () => undefined);
    },
  };
}
