import { type Mock, startMock } from '../../src/mock/index.ts';
import { CALLER_KEYS, serverEnvironment } from '../contract/environment.ts';
import { type OwnServer, startOwnServer } from '../contract/own.ts';
import { type Collector, startCollector } from './otlp.ts';

/** The stacks whose code is there. */
export const STACKS = { layout: 'async' } as const;

export const COLLECTOR_KEY = 'collector-canary-90ab';
export const bearer = { Authorization: `Bearer ${CALLER_KEYS[0]}` };

/** A caller's trace, and the span in it that calls us. */
export const caller = (digit: string) => {
  const [traceId, spanId] = [digit.repeat(32), digit.repeat(16)];
  return { traceId, spanId, headers: { ...bearer, traceparent: `00-${traceId}-${spanId}-01` } };
};
/** A server, what it calls, and where it tells of that. */
export interface Setting {
  readonly mock: Mock;
  readonly collector: Collector;
  readonly server: OwnServer;
}

export async function startTraced(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<Setting> {
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
