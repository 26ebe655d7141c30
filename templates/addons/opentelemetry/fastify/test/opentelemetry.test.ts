import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { addOpenTelemetry } from '../src/opentelemetry.js';
import { answer, chunk, sendJson, startApp, streaming } from './support.js';

const TRACE = 'a'.repeat(32);
const traceparent = `00-${TRACE}-${'b'.repeat(16)}-01`;

/** A collector that keeps what it is sent: protobuf, in which texts can be read as they are. */
async function startCollector() {
  const received: Record<string, string> = {};
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    received[`${request.url}`] = body + JSON.stringify(request.headers);
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { received, env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } };
}

test.each([
  ['plain', answer, {}],
  ['stream', streaming(chunk('Hello'), chunk('', 'stop')), { stream: true }],
])(
  'a request and its call are spans, sent at the end at the latest: %s',
  async (_n, play, more) => {
    const { received, env } = await startCollector();
    let told: unknown;
    const { app, generate, log } = await startApp(
      (response, request) => {
        told = request.headers.traceparent;
        play(response, request);
      },
      { ...env, OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=one%20two' },
      { addOpenTelemetry },
    );

    await generate({ prompt: 'Tell nobody', ...more }, { traceparent });
    await app.close();

    const { '/v1/traces': traces, '/v1/metrics': metrics } = received;
    for (const word of ['POST /generate', 'chat test-model', 'gen_ai.response.finish_reasons']) {
      expect(traces).toContain(word);
    }
    expect(traces).toContain('"x-tenant":"one two"');
    expect(metrics).toContain('gen_ai.client.operation.duration');
    expect(traces).not.toMatch(/Tell nobody|Hello/);
    expect(told).toMatch(new RegExp(`^00-${TRACE}-(?!b{16})[0-9a-f]{16}-01$`));
    await vi.waitFor(() =>
      expect(log.find(({ route }) => route === '/generate')).toMatchObject({ trace_id: TRACE }),
    );
  },
);

test('prompts and answers are in it where somebody wants them', async () => {
  const { received, env } = await startCollector();
  const flag = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' };
  const { app, generate } = await startApp(answer, { ...env, ...flag }, { addOpenTelemetry });

  await generate({ prompt: 'Tell everybody' });
  await app.close();

  expect(received['/v1/traces']).toMatch(/Tell everybody[\s\S]*Hello/);
});

test('a failure is named in its spans, in none of the words of the provider', async () => {
  const { received, env } = await startCollector();
  const { app, generate } = await startApp(
    (response) => sendJson(response, { error: 'upstream words' }, 500),
    env,
    { addOpenTelemetry },
  );

  await generate({ prompt: 'Hi' });
  await app.close();

  expect(received['/v1/traces']).toMatch(/error\.type[\s\S]*upstream-failed/);
  expect(received['/v1/traces']).not.toContain('upstream words');
});

test('without a collector there is nothing of it', async () => {
  let told: unknown;
  const { generate } = await startApp(
    (response, request) => {
      told = request.headers.traceparent;
      answer(response, request);
    },
    {},
    { addOpenTelemetry },
  );

  await generate({ prompt: 'Hi' }, { traceparent });

  expect(told).toBeUndefined();
});
