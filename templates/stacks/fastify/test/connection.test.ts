import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { chunk, startApp } from './support.js';

function post(url: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
}

test.each([{ stream: false }, { stream: true }])(
  'a client that leaves, %j, ends the call',
  async ({ stream }) => {
    const client = new AbortController();
    let upstreamClosed: Promise<unknown> | undefined;
    const { app, log } = await startApp((response) => {
      upstreamClosed = once(response, 'close');
      client.abort();
    });
    const url = await app.listen({ port: 0 });

    await expect(post(url, { prompt: 'Hi', stream }, client.signal)).rejects.toThrow('aborted');

    await upstreamClosed;
    await vi.waitFor(() =>
      expect(log.at(-1)).toMatchObject({ status: 499, outcome: 'client_closed' }),
    );
  },
);

test('a client that leaves in the middle of a stream ends the call', async () => {
  let upstreamClosed: Promise<unknown> | undefined;
  const { app, log } = await startApp((response) => {
    upstreamClosed = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('Hel'));
  });
  const url = await app.listen({ port: 0 });

  const response = await post(url, { prompt: 'Hi', stream: true });
  await response.body?.cancel();

  await upstreamClosed;
  await vi.waitFor(() =>
    expect(log.at(-1)).toMatchObject({ status: 499, outcome: 'client_closed' }),
  );
});

test('a silent stream is kept open with comments', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { app } = await startApp((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('Hel'));
  });
  const url = await app.listen({ port: 0 });

  const { body } = await post(url, { prompt: 'Hi', stream: true });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(await reader?.read()).toMatchObject({ value: 'data: {"text":"Hel"}\n\n' });
  vi.advanceTimersByTime(15_000);
  expect(await reader?.read()).toMatchObject({ value: ': ping\n\n' });
  await reader?.cancel();
});
