/**
 * The data of each event in a stream of server-sent events. Comments and other fields are left
 * out; an event that the stream's end cuts short is none.
 */
export async function* parseEvents(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let data: string[] = [];
  for await (const line of splitLines(chunks)) {
    if (line === '') {
      if (data.length > 0) yield data.join('\n');
      data = [];
    } else if (line.startsWith('data:')) {
      data.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
  }
}

/** Complete lines, whichever of the three line ends they have. */
async function* splitLines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    // A carriage return at the very end may be half of a line end.
    const text = rest + chunk;
    const held = text.endsWith('\r') ? 1 : 0;
    const lines = text.slice(0, text.length - held).split(/\r\n|\r|\n/);
    rest = (lines.pop() ?? '') + text.slice(text.length - held);
    yield* lines;
  }
}
