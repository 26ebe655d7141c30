import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test, vi } from 'vitest';
import { answer, chunk, readEvents, startApp } from './support.js';

/** The app over a provider that answers when `answerNext` is called. */
async function startHeld(env: Record<string, string> = {}) {
  const held: [ServerResponse, IncomingMessage][] = [];
  const parts = await startApp((...call) => void held.push(call), env);
  const readMetrics = async () => (await parts.app.inject('/metrics')).body;
  return {
    ...parts,
    answerNext: () => answer(...(held.shift() as [ServerResponse, IncomingMessage])),
    isHeld: (count: number) => vi.waitFor(() => expect(held).toHaveLength(count)),
    shows: (line: string) => vi.waitFor(async () => expect(await readMetrics()).toContain(line)),
  };
}

test('one runs, one waits, and the next is told to come back', async () => {
  const { generate, answerNext, isHeld, shows } = await startHeld({
    MAX_CONCURRENCY: '1',
    MAX_QUEUE: '1',
  });
  const running = generate({ prompt: 'Hi' });
  await isHeld(1);
  const waiting = generate({ prompt: 'Hi' });
  await shows('llm_api_queued 1\n');

  const refused = await generate({ prompt: 'Hi' });
  expect([refused.statusCode, refused.json().type]).toEqual([503, '/problems/overloaded']);
  expect(refused.headers['retry-after']).toBe('1');

  answerNext();
  expect((await running).statusCode).toBe(200);
  await isHeld(1);
  answerNext();
  expect((await waiting).statusCode).toBe(200);
  await shows('llm_api_in_flight 0\n');
  await shows('llm_api_shed_total{reason="overloaded"} 1\n');
});

test('nobody waits longer than QUEUE_TIMEOUT', async () => {
  const { generate, answerNext, isHeld, shows } = await startHeld({
    MAX_CONCURRENCY: '1',
    QUEUE_TIMEOUT: '0.05',
  });
  const running = generate({ prompt: 'Hi' });
  await isHeld(1);

  expect((await generate({ prompt: 'Hi' })).json().type).toBe('/problems/overloaded');

  await shows('llm_api_shed_total{reason="queue-timeout"} 1\n');
  answerNext();
  await running;
});

test('while it drains, what is in goes on and what comes is refused', async () => {
  const { app, generate, answerNext, isHeld } = await startHeld({ DRAIN_TIMEOUT: '30' });
  const url = await app.listen({ port: 0 });
  const running = generate({ prompt: 'Hi' });
  await isHeld(1);

  const closed = app.close();

  const refused = await fetch(`${url}/generate`, { method: 'POST' });
  expect([refused.status, await refused.json()]).toMatchObject([
    503,
    { type: '/problems/draining' },
  ]);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(refused.headers.get('connection')).toBe('close');
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  answerNext();
  expect((await running).statusCode).toBe(200);
  await closed;
});

test('what does not end in time is cut off, and says why', async () => {
  const play = (response: ServerResponse) => {
    if (calls.length > 1) return;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('Hel'));
  };
  const { app, generate, calls } = await startApp(play, { DRAIN_TIMEOUT: '0.05' });
  const stream = generate({ prompt: 'Hi', stream: true });
  const plain = generate({ prompt: 'Hi' });
  await vi.waitFor(() => expect(calls).toHaveLength(2));

  await app.close();

  const draining = { type: '/problems/draining' };
  expect(readEvents((await stream).body).at(-1)).toMatchObject({ error: draining });
  expect((await plain).json()).toMatchObject(draining);
});

test('/metrics has the names of OpenTelemetry', async () => {
  const { app, generate } = await startApp(answer);
  await generate({ prompt: 'Hi' });
  await app.inject('/nowhere');

  const { body, headers } = await app.inject('/metrics');

  expect(headers['content-type']).toMatch('text/plain; version=0.0.4');
  const model = 'gen_ai_request_model="test-model",gen_ai_operation_name="chat"';
  expect(body).toContain(`gen_ai_server_request_duration_seconds_count{${model}} 1\n`);
  expect(body).toContain(`gen_ai_client_token_usage_sum{${model},gen_ai_token_type="input"} 9\n`);
  expect(body).toContain(
    'llm_api_requests_total{method="POST",route="/generate",status="200"} 1\n',
  );
  expect(body).toContain('llm_api_requests_total{method="GET",route="unknown",status="404"} 1\n');
});
