import { expect, test } from 'vitest';
import { parseEvents } from '../../src/core/sse.ts';

const STREAM =
  ': ping\n\ndata: {"text":"é"}\r\n\r\nevent: x\rdata:a\rdata: b\r\rid: 1\n\ndata: cut off';
const EVENTS = ['{"text":"é"}', 'a\nb'];

async function* cut(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

test.each([1, 2, 3, 7, 1000])(
  'events are the same when the text comes in pieces of %i',
  async (size) => {
    const events: string[] = [];
    for await (const data of parseEvents(cut(STREAM, size))) events.push(data);
    expect(events).toEqual(EVENTS);
  },
);
