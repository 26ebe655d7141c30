import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import {
  CALLER_KEYS,
  findLeaks,
  LIMITS,
  MODEL,
  PROMPT,
  serverEnvironment,
} from '../contract/environment.ts';
import { eventually, waitForToken } from '../contract/eventually.ts';
import { begin, generate, send } from '../contract/http.ts';
import { findLines } from '../contract/lines.ts';
import { type OwnServer, startOwnServer } from '../contract/own.ts';
import { occupyPort, stopProgram } from '../contract/program.ts';
import { talk } from '../contract/socket.ts';
import { chat } from './chat.ts';
import { type Collector, type Span, startCollector } from './otlp.ts';

/** The stacks whose code is there. */
const STACKS = { layout: 'async' } as const;

const COLLECTOR_KEY = 'collector-canary-90ab';
const bearer = { Authorization: `Bearer ${CALLER_KEYS[0]}` };

/** A caller's trace, and the span in it that calls us. */
const caller = (digit: string) => {
  const [traceId, spanId] = [digit.repeat(32), digit.repeat(16)];
  return { traceId, spanId, headers: { ...bearer, traceparent: `00-${traceId}-${spanId}-01` } };
};
const PLAIN = caller('a');
const STREAM = caller('b');
const FAILED = caller('c');
const REFUSED = caller('d');
const LEFT = caller('e');
const CHAT = caller('f');
const BROKEN = caller('1');

interface Setting {
  readonly mock: Mock;
  readonly collector: Collector;
  readonly server: OwnServer;
}

async function start(directory: string, env: Readonly<Record<string, string>>): Promise<Setting> {
  const [mock, collector] = await Promise.all([startMock(), startCollector()]);
  const server = await startOwnServer(directory, {
    ...serverEnvironment(mock.url),
    API_KEYS: CALLER_KEYS.join(','),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${COLLECTOR_KEY},x-tenant=one`,
    OTEL_SERVICE_NAME: 'traced-api',
    ...env,
  });
  return { mock, collector, server };
}

describeProjects('traces and metrics', STACKS, ({ directory }) => {
  let { mock, collector, server } = {} as Setting;
  const upstreamParents = new Map<string, unknown>();

  // Everything is sent at the end, if not before: that is what comes after the load and is looked at.
  beforeAll(async () => {
    ({ mock, collector, server } = await start(directory, {}));
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

describeProjects('prompts and answers in traces', STACKS, ({ directory }) => {
  test.each([false, true])('where somebody wants them (stream: %s)', async (stream) => {
    const flag = 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT';
    const { mock, collector, server } = await start(directory, { [flag]: 'true' });
    const asked = { stream, system: 'Be brief.', max_tokens: 2 };
    await send(server.url, generate(asked, PLAIN.headers));
    await stopProgram(server.program);
    await Promise.all([mock.close(), collector.close()]);
    const { attributes = {} } = collector.spans.find(({ kind }) => kind === 'client') ?? {};
    const part = (content: string) => [{ type: 'text', content }];
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'system', parts: part('Be brief.') },
      { role: 'user', parts: part(PROMPT) },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: part('Hello! This'), finish_reason: 'length' },
    ]);
    expect(findLeaks(server.program.output())).toEqual([]);
  });
});

describeProjects('a collector that is away', STACKS, ({ directory }) => {
  test.each(['refuses', 'is silent'])('and %s costs nothing', async (how) => {
    const silent = await startCollector(false);
    const refusing = await occupyPort();
    const { port } = refusing.address() as { port: number };
    const url = how === 'refuses' ? `http://127.0.0.1:${port}` : silent.url;
    const { mock, collector, server } = await start(directory, {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      DRAIN_TIMEOUT: '2',
    });
    for (let count = 0; count < 20; count++) {
      const asked = Date.now();
      const answer = await send(server.url, generate({ stream: count % 2 === 1 }, bearer));
      expect(answer.status).toBe(200);
      expect(Date.now() - asked).toBeLessThan(1000);
    }
    expect(await stopProgram(server.program, 4), 'within the time for a drain').toBe(0);
    refusing.close();
    await Promise.all([mock.close(), collector.close(), silent.close()]);
  });
});

describeProjects('without a collector', STACKS, ({ directory }) => {
  test('a server needs none, and .env.example says where to name it', async () => {
    const { mock, collector, server } = await start(directory, { OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    expect((await send(server.url, generate({}, PLAIN.headers))).status).toBe(200);
    await stopProgram(server.program);
    expect(collector.headers).toEqual([]);
    const example = await readFile(join(directory, '.env.example'), 'utf8');
    expect(example).toContain('\nOTEL_EXPORTER_OTLP_ENDPOINT=\n');
    await Promise.all([mock.close(), collector.close()]);
  });
});
