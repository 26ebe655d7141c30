import type { FastifyBaseLogger } from 'fastify';
import { Counter, exponentialBuckets, Gauge, Histogram, Registry } from 'prom-client';
import type { Exchange, Traffic } from './exchange.js';
import { traceOf } from './problems.js';

const MODEL = ['gen_ai_request_model', 'gen_ai_operation_name'];
const SECONDS = exponentialBuckets(0.01, 2, 14);
const FIRST_TOKEN = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const TOKENS = exponentialBuckets(1, 4, 14);
const SHED = ['queue-timeout', 'overloaded', 'rate-limited', 'draining'];

/** Milliseconds: no wait for who reads the log, and dozens of requests at a time under load. */
const TELL_EVERY = 20;

/**
 * What is told of a request when it is over: one line in the log, and figures for Prometheus. The
 * function that comes back tells at once what waits. The names, labels and buckets of gen_ai_* are
 * OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
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
  const running = new Gauge(named('llm_api_in_flight'));

  // Some at a time: each by itself, in between other work, takes several times as long.
  let ended: ReturnType<typeof describeEnd>[] = [];
  traffic.report = (...end) => {
    if (ended.push(describeEnd(...end)) === 1) setTimeout(tell, TELL_EVERY).unref();
  };

  function tell(): Registry {
    const all = ended;
    ended = [];
    for (const { line, about, labels, cause, seconds, first } of all) {
      const told = Object.assign(line, about, labels);
      if (cause) log.error({ ...told, ...traceOf(cause) }, 'request');
      else log.info(told, 'request');

      const { method, route, status, outcome, reason, model, input_tokens, output_tokens } = told;
      requests.inc({ method, route, status });
      if (SHED.includes(outcome)) shed.inc({ reason: reason ?? outcome });
      if (model === null) continue;
      const asked = { gen_ai_request_model: model, gen_ai_operation_name: 'chat' };
      duration.observe(asked, seconds);
      if (first !== null) firstToken.observe(asked, first / 1000);
      if (input_tokens === null || output_tokens === null) continue;
      tokens.observe({ ...asked, gen_ai_token_type: 'input' }, input_tokens);
      tokens.observe({ ...asked, gen_ai_token_type: 'output' }, output_tokens);
    }
    running.set(traffic.running);
    waiting.set(traffic.waiting.size);
    return registry;
  }

  return tell;
}

/** What is told later: so little that the request itself can be forgotten. */
function describeEnd(exchange: Exchange, answered: number) {
  const { id: request_id, reply, route, keyId: key_id, model, usage, failure, more } = exchange;
  const { slug = 'ok', extras: { outcome = slug, reason, cause } = {} } = failure ?? {};
  const { input_tokens = null, output_tokens = null } = usage ?? {};
  const { method } = reply.request;
  const status = outcome === 'client_closed' ? 499 : answered;
  const { startedAt, firstToken: first } = exchange;
  const seconds = (performance.now() - startedAt) / 1000;
  const duration_ms = Math.round(seconds * 1000);
  const ttft_ms = first && Math.round(first);
  const line = { request_id, method, route, status, outcome, reason, duration_ms, ttft_ms };
  const about = { model, input_tokens, output_tokens, key_id };
  return { line, about, labels: more?.labels, cause, seconds, first };
}
