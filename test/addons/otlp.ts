import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Message } from './protobuf.ts';

type Value = string | number | boolean | readonly Value[];
type Attributes = Readonly<Record<string, Value>>;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it is the first one of its trace. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'other';
  readonly attributes: Attributes;
  readonly hasFailed: boolean;
  /** What its status says in words. */
  readonly message: string;
  readonly milliseconds: number;
  readonly service: Value | undefined;
}

/** One series of a histogram, as it was told last. */
interface Series {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Attributes;
  readonly count: number;
  readonly sum: number;
  readonly bounds: readonly number[];
}

/** A collector that takes traces and metrics over OTLP/HTTP, as protobuf. */
export interface Collector {
  readonly url: string;
  readonly spans: readonly Span[];
  readonly series: readonly Series[];
  /** Of each request. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** All that came, to look for words in. */
  readonly text: string;
  close(): Promise<void>;
}

/** @param answers false: takes what comes, and never says so */
export async function startCollector(answers = true): Promise<Collector> {
  const spans: Span[] = [];
  const series = new Map<string, Series>();
  const headers: IncomingHttpHeaders[] = [];
  let text = '';
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    headers.push(request.headers);
    text += body.toString('latin1') + body.toString();
    if (request.url === '/v1/traces') spans.push(...readSpans(new Message(body)));
    else if (request.url === '/v1/metrics') {
      for (const one of readSeries(new Message(body))) {
        series.set(JSON.stringify([one.name, one.attributes]), one);
      }
    } else response.statusCode = 404;
    if (answers) response.setHeader('Content-Type', 'application/x-protobuf').end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get series() {
      return [...series.values()];
    },
    headers,
    get text() {
      return text;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

// The numbers are those of https://github.com/open-telemetry/opentelemetry-proto.
const KINDS = ['other', 'internal', 'server', 'client'] as const;

function readSpans(request: Message): Span[] {
  return request.messages(1).flatMap((ofResource) => {
    const service = readAttributes(ofResource.message(1), 1)['service.name'];
    return ofResource
      .messages(2)
      .flatMap((ofScope) => ofScope.messages(2))
      .map((span) => ({
        traceId: span.hex(1),
        spanId: span.hex(2),
        parentId: span.hex(4),
        name: span.text(5),
        kind: KINDS[span.int(6)] ?? 'other',
        attributes: readAttributes(span, 9),
        hasFailed: span.message(15).int(3) === 2,
        message: span.message(15).text(2),
        milliseconds: Number(span.fixed64(8) - span.fixed64(7)) / 1e6,
        service,
      }));
  });
}

function readSeries(request: Message): Series[] {
  const scopes = request.messages(1).flatMap((ofResource) => ofResource.messages(2));
  return scopes
    .flatMap((ofScope) => ofScope.messages(2))
    .flatMap((metric) =>
      metric
        .message(9)
        .messages(1)
        .map((point) => ({
          name: metric.text(1),
          unit: metric.text(3),
          attributes: readAttributes(point, 9),
          count: Number(point.fixed64(4)),
          sum: point.double(5),
          bounds: point.doubles(7),
        })),
    );
}

function readAttributes(message: Message, field: number): Attributes {
  return Object.fromEntries(
    message.messages(field).map((pair) => [pair.text(1), readValue(pair.message(2))]),
  );
}

function readValue(value: Message): Value {
  if (value.has(2)) return value.int(2) === 1;
  if (value.has(3)) return value.int(3);
  if (value.has(4)) return value.double(4);
  if (value.has(5)) return value.message(5).messages(1).map(readValue);
  return value.text(1);
}
