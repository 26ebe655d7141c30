import { Counter, exponentialBuckets, Gauge, Histogram, Registry } from 'prom-client';
import type { Admission } from './admission.js';
import type { Exchange } from './exchange.js';
import { shareMetrics } from './workers.js';

/**
 * Names, labels and buckets of gen_ai_* are OpenTelemetry's, in Prometheus form:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 */
export function createMetrics(admission: Admission) {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ['gen_ai_request_model', 'gen_ai_operation_name'];
  const duration = new Histogram({
    name: 'gen_ai_server_request_duration_seconds',
    help: 'How long requests took.',
    labelNames,
    buckets: exponentialBuckets(0.01, 2, 14),
    registers,
  });
  const firstToken = new Histogram({
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'How long streams took to begin.',
    labelNames,
    buckets: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    registers,
  });
  const tokens = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'How many tokens requests took.',
    labelNames: [...labelNames, 'gen_ai_token_type'],
    buckets: exponentialBuckets(1, 4, 14),
    registers,
  });
  const requests = new Counter({
    name: 'llm_api_requests_total',
    help: 'Requests, and messages on WebSockets.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const shed = new Counter({
    name: 'llm_api_shed_total',
    help: 'Requests that were turned away.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of SHED) shed.inc({ reason }, 0);
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('llm_api_in_flight', 'Calls to the model provider.', () => admission.running);
  gauge('llm_api_queued', 'Requests that wait for their turn.', () => admission.queued);

  function observe(exchange: Exchange, status: number): void {
    const { method, route, model, usage, problem } = exchange;
    requests.inc({ method, route: route ?? 'unknown', status });
    const reason = SHED.find((one) => one === problem?.extras.reason || one === problem?.slug);
    if (reason) shed.inc({ reason });
    if (model === null) return;
    const labels = { gen_ai_request_model: model, gen_ai_operation_name: 'chat' };
    duration.observe(labels, exchange.age / 1000);
    if (exchange.firstToken !== null) firstToken.observe(labels, exchange.firstToken / 1000);
    if (!usage) return;
    tokens.observe({ ...labels, gen_ai_token_type: 'input' }, usage.input_tokens);
    tokens.observe({ ...labels, gen_ai_token_type: 'output' }, usage.output_tokens);
  }

  return { read: shareMetrics(registry), observe };
}

const SHED = ['queue-timeout', 'overloaded', 'rate-limited', 'draining'];
