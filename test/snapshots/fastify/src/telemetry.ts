import type { FastifyBaseLogger } from 'fastify';
import { Counter, exponentialBuckets, Gauge, Histogram, Registry } from 'prom-client';
import type { Traffic } from './exchange.js';
import { traceOf } from './problems.js';

const MODEL = ['gen_ai_request_model', 'gen_ai_operation_name'];
const SECONDS = exponentialBuckets(0.01, 2, 14);
const FIRST_TOKEN = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const TOKENS = exponentialBuckets(1, 4, 14);
const SHED = ['queue-timeout', 'overloaded', 'rate-limited', 'draining'];

/**
 * What is told of a request when it is over: one line in the log, and figures for Prometheus. The
 * names, labels and buckets of gen_ai_* are OpenTelemetry's:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 */
export function createTelemetry(log: FastifyBaseLogger, traffic: Traffic) {
  const registry = new Registry();
  const named = (name: string, labelNames: string[] = []) => {
    return { name, help: name.replaceAll('_', ' '), labelNames, registers: [registry] };
  };
  const histogram = (name: string, labelNames: string[], buckets: number[]) =>
    new Histogram({ ...named(name, labelNames), buckets });
  const duration = histogram('gen_ai_server_request_duration_seconds', MODEL, SECONDS);
  const firstToken = histogram('gen_ai_server_time_to_first_token_seconds', MODEL, FIRST_TOKEN);
  const tokens = histogram('gen_ai_client_token_usage', [...MODEL, 'gen_ai_token_type'], TOKENS);
  const requests = new Counter(named('llm_api_requests_total', ['method', 'route', 'status']));
  const shed = new Counter(named('llm_api_shed_total', ['reason']));
  for (const reason of SHED) shed.inc({ reason }, 0);
  const waiting = new Gauge(named('llm_api_queued'));
  const running = new Gauge({ ...named('llm_api_in_flight'), collect });
  function collect() {
    running.set(traffic.running);
    waiting.set(traffic.waiting.size);
  }

  traffic.report = (exchange, answered) => {
    const { id: request_id, reply, keyId: key_id, model, usage, failure, more } = exchange;
    const { method, routeOptions } = reply.request;
    const { url: route = 'unknown' } = routeOptions;
    const seconds = (performance.now() - exchange.startedAt) / 1000;
    const duration_ms = Math.round(seconds * 1000);
    const ttft_ms = exchange.firstToken && Math.round(exchange.firstToken);
    const { slug = 'ok', extras: { outcome = slug, reason, cause } = {} } = failure ?? {};
    const status = outcome === 'client_closed' ? 499 : answered;
    const { input_tokens = null, output_tokens = null } = usage ?? {};
    const line = { request_id, method, route, status, outcome, reason, duration_ms, ttft_ms };
    const told = { ...line, model, input_tokens, output_tokens, key_id, ...more?.labels };
    if (cause) log.error({ ...told, ...traceOf(cause) }, 'request');
    else log.info(told, 'request');

    requests.inc({ method, route, status });
    if (SHED.includes(outcome)) shed.inc({ reason: reason ?? outcome });
    if (model === null) return;
    const labels = { gen_ai_request_model: model, gen_ai_operation_name: 'chat' };
    duration.observe(labels, seconds);
    if (exchange.firstToken !== null) firstToken.observe(labels, exchange.firstToken / 1000);
    if (!usage) return;
    tokens.observe({ ...labels, gen_ai_token_type: 'input' }, usage.input_tokens);
    tokens.observe({ ...labels, gen_ai_token_type: 'output' }, usage.output_tokens);
  };
  return registry;
}
