import { Counter, exponentialBuckets, Gauge, Histogram, Registry } from 'prom-client';
import type { Admission } from './admission.js';
import type { Exchange } from './exchange.js';

const MODEL = ['gen_ai_request_model', 'gen_ai_operation_name'];
const FIRST_TOKEN = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const SHED = ['queue-timeout', 'overloaded', 'rate-limited', 'draining'];

/**
 * Names, labels and buckets of gen_ai_* are OpenTelemetry's, in Prometheus form:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 */
export function createMetrics(admission: Admission) {
  const registry = new Registry();
  const registers = [registry];
  const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  const duration = histogram(
    'gen_ai_server_request_duration_seconds',
    'How long requests took.',
    MODEL,
    exponentialBuckets(0.01, 2, 14),
  );
  const firstToken = histogram(
    'gen_ai_server_time_to_first_token_seconds',
    'How long streams took to begin.',
    MODEL,
    FIRST_TOKEN,
  );
  const tokens = histogram(
    'gen_ai_client_token_usage',
    'How many tokens requests took.',
    [...MODEL, 'gen_ai_token_type'],
    exponentialBuckets(1, 4, 14),
  );
  const requests = counter('llm_api_requests_total', 'Requests, and messages on WebSockets.', [
    'method',
    'route',
    'status',
  ]);
  const shed = counter('llm_api_shed_total', 'Requests that were turned away.', ['reason']);
  for (const reason of SHED) shed.inc({ reason }, 0);
  gauge('llm_api_in_flight', 'Calls to the model provider.', () => admission.running);
  gauge('llm_api_queued', 'Requests that wait for their turn.', () => admission.waiting.size);

  /** Counts a request that is over, and writes its one line in the log. */
  function report(exchange: Exchange, status: number): void {
    const { method, route, model, usage, problem, keyId } = exchange;
    const milliseconds = performance.now() - exchange.startedAt;
    const line = {
      method,
      route,
      status,
      outcome: problem?.slug ?? (status === 499 ? 'client_closed' : 'ok'),
      reason: problem?.extras.reason,
      duration_ms: Math.round(milliseconds),
      ttft_ms: exchange.firstToken && Math.round(exchange.firstToken),
      input_tokens: usage?.input_tokens ?? null,
      output_tokens: usage?.output_tokens ?? null,
      key_id: keyId,
    };
    exchange.log.info(line, 'request');

    requests.inc({ method, route: route ?? 'unknown', status });
    const reason = SHED.find((one) => one === problem?.extras.reason || one === problem?.slug);
    if (reason) shed.inc({ reason });
    if (model === null) return;
    const labels = { gen_ai_request_model: model, gen_ai_operation_name: 'chat' };
    duration.observe(labels, milliseconds / 1000);
    if (exchange.firstToken !== null) firstToken.observe(labels, exchange.firstToken / 1000);
    if (!usage) return;
    tokens.observe({ ...labels, gen_ai_token_type: 'input' }, usage.input_tokens);
    tokens.observe({ ...labels, gen_ai_token_type: 'output' }, usage.output_tokens);
  }

  return { report, registry };
}
