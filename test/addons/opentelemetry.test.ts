import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeProjects } from '../contract/describe.ts';
import { findLeaks, LIMITS, MODEL } from '../contract/environment.ts';
import { eventually, waitForToken } from '../contract/eventually.ts';
import { begin, generate, send } from '../contract/http.ts';
import { findLines } from '../contract/lines.ts';
import { stopProgram } from '../contract/program.ts';
import { talk } from '../contract/socket.ts';
import { chat } from './chat.ts';
import type { Span } from './otlp.ts';
import { bearer, COLLECTOR_KEY, caller, type Setting, STACKS, startTraced } from './traced.ts';

const PLAIN = caller('a');
const STREAM = caller('b');
const FAILED = caller('c');
const REFUSED = caller('d');
const LEFT = caller('e');
const CHAT = caller('f');
const BROKEN = caller('1');

describeProjects('traces and metrics', STACKS, ({ directory }) => {
  let { mock, collector, server } = {} as Setting;
  const upstreamParents = new Map<string, unknown>();

  // Everything is sent at the end, if not before: that is what comes after the load and is looked at.
  beforeAll(async () => {
    ({ mock, collector, server } = await startTraced(directory, {}));
    const { url } = server;
    const note = ({ traceId }: { traceId: string }) =>
      upstreamParents.set(traceId, mock.requests.at(-1)?.headers.traceparent);

    await send(url, { path: '/healthz' });
    await send(url, generate({}, PLAIN.headers));
    note(PLAIN);
    mock.setPace({ timeToFirstToken: 200, tokensPerSecond: 100 });
    await send(url, generate({ stream: true }, STREAM.headers));
    note(STREAM);
    mock.setPace({ timeToFirstToken: 0, tokensPerSecond: 0 });
    await send(url, chat({ max_tokens: 5 }, CHAT.headers));
    note(CHAT);
    mock.setFault('server-error');
    await send(url, generate({}, FAILED.headers));
    mock.setFault('truncate');
    await send(url, generate({ stream: true }, BROKEN.headers));
    mock.setFault('drip');
    const left = begin(url, generate({ stream: true }, LEFT.headers));
    await waitForToken(await left.answer);
    left.leave();
    await eventually(() => expect(mock.counts.open).toBe(0));
    mock.setFault(undefined);
    await send(url, generate({ prompt: '' }, REFUSED.headers));
    const socket = await talk(url, bearer);
    socket.ask();
    await socket.ends(1);
    socket.close();
    await socket.closed;
    expect(await stopProgram(server.program)).toBe(0);
  });
  afterAll(() => Promise.all([mock?.close(), collector?.close()]));

  const find = (match: Partial<Span>): Span => {
    const found = collector.spans.filter((span) =>
      Object.entries(match).every(([name, value]) => span[name as keyof Span] === value),
    );
    expect(found, JSON.stringify(match)).toHaveLength(1);
    return found[0] as Span;
  };

  describe.each([
    ['a whole answer', PLAIN, '/generate', 'stop', LIMITS.outputTokens],
    ['a stream', STREAM, '/generate', 'stop', LIMITS.outputTokens],
    ['a chat', CHAT, '/v1/chat/completions', 'length', 5],
  ] as const)('%s', (_what, { traceId, spanId }, path, finishReason, maxTokens) => {
    test("is a span in the caller's trace", () => {
      const span = find({ traceId, kind: 'server' });
      expect(span).toMatchObject({ name: `POST ${path}`, parentId: spanId, hasFailed: false });
      expect(span.service).toBe('traced-api');
      expect(span.attributes).toMatchObject({
        'http.request.method': 'POST',
        'http.route': path,
        'http.response.status_code': 200,
        'url.path': path,
        'url.scheme': 'http',
      });
    });

    test('has a span of the call below it, which the provider is told of', () => {
      const parent = find({ traceId, kind: 'server' });
      const span = find({ traceId, kind: 'client' });
      expect(span).toMatchObject({
        name: `chat ${MODEL}`,
        parentId: parent.spanId,
        hasFailed: false,
      });
      expect(upstreamParents.get(traceId)).toBe(`00-${traceId}-${span.spanId}-01`);
      const { hostname, port } = new URL(mock.url);
      expect(span.attributes).toMatchObject({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': MODEL,
        'gen_ai.request.max_tokens': maxTokens,
        'gen_ai.response.model': MODEL,
        'gen_ai.response.finish_reasons': [finishReason],
        'gen_ai.usage.input_tokens': expect.any(Number),
        'gen_ai.usage.output_tokens': expect.any(Number),
        'server.address': hostname,
        'server.port': Number(port),
      });
      expect(span.attributes).not.toHaveProperty('error.type');
    });
  });

  test('the spans of a stream last as long as it does', () => {
    const { traceId } = STREAM;
    const tokens = Number(
      find({ traceId, kind: 'client' }).attributes['gen_ai.usage.output_tokens'],
    );
    const least = 200 + 10 * (tokens - 2);
    expect(find({ traceId, kind: 'client' }).milliseconds).toBeGreaterThan(least);
    expect(find({ traceId, kind: 'server' }).milliseconds).toBeGreaterThan(least);
  });

  test.each([
    ['a failure of the provider', FAILED, 'upstream-failed', 502],
    ['a stream that breaks off', BROKEN, 'upstream-truncated', 200],
  ] as const)('%s is told on both spans', (_what, { traceId }, type, status) => {
    const call = find({ traceId, kind: 'client' });
    expect(call).toMatchObject({ hasFailed: true, attributes: { 'error.type': type } });
    const request = find({ traceId, kind: 'server' });
    expect(request.attributes['http.response.status_code']).toBe(status);
    expect(request).toMatchObject({ hasFailed: true, attributes: { 'error.type': type } });
  });

  test('so is a client that leaves', () => {
    const { traceId } = LEFT;
    for (const kind of ['client', 'server'] as const) {
      const span = find({ traceId, kind });
      expect(span).toMatchObject({
        hasFailed: true,
        attributes: { 'error.type': 'client_closed' },
      });
    }
  });

  test("a caller's mistake is no failure of ours, and calls nobody", () => {
    const { traceId } = REFUSED;
    const span = find({ traceId, kind: 'server' });
    expect(span.attributes['http.response.status_code']).toBe(422);
    expect(span.hasFailed).toBe(false);
    expect(collector.spans.filter((one) => one.traceId === traceId)).toHaveLength(1);
  });

  test('a message on a WebSocket is a trace', () => {
    const request = find({ name: 'GET /generate/ws', kind: 'server' });
    expect(find({ parentId: request.spanId, kind: 'client' }).name).toBe(`chat ${MODEL}`);
  });

  test('who only asks whether we live leaves no trace', () => {
    expect(collector.spans.filter(({ name }) => name.includes('healthz'))).toEqual([]);
  });

  test('the log tells the trace of a request', () => {
    const [line] = findLines(server.program.output(), { trace_id: PLAIN.traceId });
    expect(line).toMatchObject({ route: '/generate', status: 200 });
  });

  test('the metrics are those of the conventions', () => {
    const of = (name: string, attributes = {}) =>
      collector.series.filter(
        (one) =>
          one.name === name &&
          Object.entries({ 'gen_ai.request.model': MODEL, ...attributes }).every(
            ([key, value]) => one.attributes[key] === value,
          ),
      );
    const count = (...asked: Parameters<typeof of>) =>
      of(...asked).reduce((sum, series) => sum + series.count, 0);
    const duration = 'gen_ai.client.operation.duration';
    expect(of(duration)[0]).toMatchObject({
      unit: 's',
      attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai' },
    });
    expect(of(duration)[0]?.bounds[0]).toBe(0.01);
    expect(count(duration)).toBe(7);
    expect(count(duration, { 'error.type': 'upstream-failed' })).toBe(1);
    const firstChunk = 'gen_ai.client.operation.time_to_first_chunk';
    expect(count(firstChunk), 'of streams only').toBe(4);
    expect(of(firstChunk)[0]?.unit).toBe('s');
    const usage = 'gen_ai.client.token.usage';
    expect(of(usage)[0]).toMatchObject({ unit: '{token}' });
    for (const type of ['input', 'output']) {
      const [series] = of(usage, { 'gen_ai.token.type': type });
      expect(series?.sum).toBeGreaterThan(4);
      expect(series?.bounds.slice(0, 3)).toEqual([1, 4, 16]);
    }
  });

  test('the collector gets its headers, and the log does not', () => {
    expect(collector.headers.length).toBeGreaterThan(1);
    for (const headers of collector.headers) {
      expect(headers).toMatchObject({
        authorization: `Bearer ${COLLECTOR_KEY}`,
        'x-tenant': 'one',
        'content-type': 'application/x-protobuf',
      });
    }
    expect(server.program.output()).not.toContain(COLLECTOR_KEY);
  });

  test('nothing that anybody said is in it', () => {
    expect(findLeaks(collector.text)).toEqual([]);
    expect(findLeaks(server.program.output())).toEqual([]);
    for (const { message } of collector.spans) expect(message).toBe('');
  });
});
