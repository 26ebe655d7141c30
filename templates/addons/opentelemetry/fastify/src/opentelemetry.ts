import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { FastifyInstance } from 'fastify';
import type { Service } from './generate.js';
import { type Settings, VARIABLES } from './settings.js';
import { traceCalls, traceRequests } from './spans.js';

Object.assign(VARIABLES, {
  OTEL_EXPORTER_OTLP_ENDPOINT: { default: '', pattern: '^(https?://[^\\s?#]+)?$' },
  OTEL_EXPORTER_OTLP_HEADERS: {
    default: '',
    pattern: '^([^\\s=,]+=([^,%]|%[\\dA-Fa-f]{2})*(,|$))*$',
  },
  OTEL_SERVICE_NAME: { default: 'llm-api' },
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: {
    default: 'false',
    enum: ['false', 'true'],
  },
});
interface OtelSettings extends Settings {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string;
  readonly OTEL_EXPORTER_OTLP_HEADERS: string;
  readonly OTEL_SERVICE_NAME: string;
  readonly OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'false' | 'true';
}

/** Milliseconds for the last words: at most, and after a drain that took all of its time. */
const LAST_WORDS = 2000;
const GRACE = 500;

/** Traces and metrics of requests and of their calls of the provider, over OTLP. */
export async function addOpenTelemetry(app: FastifyInstance, service: Service): Promise<void> {
  const settings = service.settings as OtelSettings;
  if (!settings.OTEL_EXPORTER_OTLP_ENDPOINT) return;
  const { tracer, meter, shutdown } = startExporters(settings);
  const findContext = traceRequests(service, tracer);
  const flag = settings.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT;
  traceCalls(service, tracer, meter, { findContext, isCapturing: flag === 'true' });

  let isKnown = false;
  setGlobalErrorHandler((error) => {
    const reason = error instanceof Error ? error.message : 'unknown';
    if (!isKnown) app.log.warn({ reason }, 'Traces and metrics do not reach the collector');
    isKnown = true;
  });

  const { traffic } = service;
  const drain = traffic.drain.bind(traffic);
  let endsAt = 0;
  traffic.drain = () => {
    endsAt = performance.now() + settings.DRAIN_TIMEOUT * 1000 + GRACE;
    return drain();
  };
  app.addHook('onClose', async () => {
    const timer = new AbortController();
    // A collector that is away would be tried again for many seconds.
    const left = Math.min(LAST_WORDS, Math.max(0, endsAt - performance.now()));
    const late = sleep(left, undefined, timer);
    await Promise.race([shutdown(), late]).catch(() => undefined);
    timer.abort();
  });
}

function startExporters(settings: OtelSettings) {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, '');
  const pairs = settings.OTEL_EXPORTER_OTLP_HEADERS.split(',').filter(Boolean);
  const headers = Object.fromEntries(
    pairs.map((pair) => pair.split(/=(.*)/s, 2).map((part) => decodeURIComponent(part.trim()))),
  );
  const resource = defaultResource()
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(
      resourceFromAttributes({
        'service.name': settings.OTEL_SERVICE_NAME,
        // Each process counts for itself.
        'service.instance.id': randomUUID(),
      }),
    );
  const to = (path: string) => ({ url: `${endpoint}/v1/${path}`, headers });
  const tracers = new TracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(to('traces')) })],
  });
  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(to('metrics')) }),
    ],
  });
  return {
    tracer: tracers.getTracer('llm-api'),
    meter: meters.getMeter('llm-api'),
    shutdown: () => Promise.all([tracers.shutdown(), meters.shutdown()]),
  };
}
