import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Meter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Exchange } from './exchange.js';
import type { Service } from './generate.js';
import { listen, type Message, renderAnswer, renderMessages } from './message-content.js';

// Names, attributes and buckets: https://opentelemetry.io/docs/specs/semconv/gen-ai/

/** Asked by machines, every few seconds. */
const QUIET = ['/healthz', '/readyz', '/metrics'];
const SECONDS = Array.from({ length: 14 }, (_, power) => 0.01 * 2 ** power);
const FIRST_CHUNK = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power);

const propagator = new W3CTraceContextPropagator();

/** What is looked at of a call. */
interface ChatCall {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly max_completion_tokens?: number | null;
  readonly max_tokens?: number | null;
  readonly temperature?: number | null;
}

/** A span for each request, in its caller's trace. What is done for it belongs below its context. */
export function traceRequests({ traffic }: Service, tracer: Tracer) {
  const spans = new WeakMap<Exchange, { span: Span; context: Context }>();

  /** It began with the request, and is made when it is needed first. */
  function find(exchange: Exchange) {
    const found = spans.get(exchange);
    if (found) return found;
    const { route, reply } = exchange;
    const { request } = reply;
    const { method, headers, protocol } = request;
    const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const attributes: Attributes = {
      'http.request.method': method,
      'http.route': route,
      'url.path': request.url.split('?', 1)[0] ?? '',
      'url.scheme': protocol,
    };
    const options = { kind: SpanKind.SERVER, startTime: exchange.startedAt, attributes };
    const span = tracer.startSpan(`${method} ${route}`, options, parent);
    const made = { span, context: trace.setSpan(parent, span) };
    spans.set(exchange, made);
    return made;
  }

  const { report } = traffic;
  traffic.report = (exchange, status) => {
    if (QUIET.includes(exchange.route)) return report(exchange, status);
    const { span } = find(exchange);
    const { slug } = exchange.failure ?? {};
    if (slug !== 'client_closed') span.setAttribute('http.response.status_code', status);
    // A mistake of the caller's is none of ours.
    if (slug && (status < 400 || status >= 500)) fail(span, slug);
    span.end(performance.now());
    exchange.more = {
      headers: {},
      ...exchange.more,
      labels: { trace_id: span.spanContext().traceId },
    };
    report(exchange, status);
  };

  return (exchange: Exchange): Context => find(exchange).context;
}

interface Options {
  readonly findContext: (exchange: Exchange) => Context;
  /** Whether spans hold what was asked and said. */
  readonly isCapturing: boolean;
}

/** A span and figures for each call of the provider, all its tries together. */
export function traceCalls(
  { settings, upstream }: Service,
  tracer: Tracer,
  meter: Meter,
  { findContext, isCapturing }: Options,
): void {
  const histogram = (name: string, unit: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { unit, advice: { explicitBucketBoundaries } });
  const duration = histogram('gen_ai.client.operation.duration', 's', SECONDS);
  const firstChunk = histogram('gen_ai.client.operation.time_to_first_chunk', 's', FIRST_CHUNK);
  const tokens = histogram('gen_ai.client.token.usage', '{token}', TOKENS);
  const { hostname, port, protocol } = new URL(settings.OPENAI_BASE_URL);
  const provider: Attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  };

  const { ask } = upstream;
  upstream.ask = async (exchange, call, createReader) => {
    const asked = call as ChatCall;
    const labels: Attributes = { ...provider, 'gen_ai.request.model': asked.model };
    const startTime = performance.now();
    const attributes: Attributes = {
      ...labels,
    };
    const maxTokens = asked.max_completion_tokens ?? asked.max_tokens;
    if (maxTokens) attributes['gen_ai.request.max_tokens'] = maxTokens;
    if (asked.temperature) attributes['gen_ai.request.temperature'] = asked.temperature;
    if (isCapturing) attributes['gen_ai.input.messages'] = renderMessages(asked.messages);
    const parent = findContext(exchange);
    const options = { kind: SpanKind.CLIENT, startTime, attributes };
    const span = tracer.startSpan(`chat ${asked.model}`, options, parent);
    exchange.more = { headers: {}, labels: {} };
    propagator.inject(trace.setSpan(parent, span), exchange.more.headers, defaultTextMapSetter);
    const heard = listen(createReader);
    try {
      return await ask(exchange, call, isCapturing ? heard.createReader : createReader);
    } catch (error) {
      labels['error.type'] = exchange.fail(error).slug;
      fail(span, labels['error.type']);
      throw error;
    } finally {
      const { end, usage, firstToken, startedAt } = exchange;
      if (end.model) labels['gen_ai.response.model'] = end.model;
      span.setAttributes(labels);
      const { finish_reason: reason } = end;
      if (reason) span.setAttribute('gen_ai.response.finish_reasons', [reason]);
      if (isCapturing) {
        span.setAttribute('gen_ai.output.messages', renderAnswer(heard.read(), reason));
      }
      const { input_tokens: input, output_tokens: output } = usage ?? {};
      for (const [type, count] of Object.entries({ input, output })) {
        if (count === undefined) continue;
        span.setAttribute(`gen_ai.usage.${type}_tokens`, count);
        tokens.record(count, { ...labels, 'gen_ai.token.type': type });
      }
      const endTime = performance.now();
      span.end(endTime);
      duration.record((endTime - startTime) / 1000, labels);
      if (firstToken !== null) {
        firstChunk.record((startedAt + firstToken - startTime) / 1000, labels);
      }
    }
  };
}

/** By name only: a message may hold words of the provider. */
function fail(span: Span, slug: string): void {
  span.setAttribute('error.type', slug).setStatus({ code: SpanStatusCode.ERROR });
}
