import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { buildApp } from '../src/app.js';
import type { Addons } from '../src/generate.js';
import { readSettings } from '../src/settings.js';

type Play = (response: ServerResponse, request: IncomingMessage) => void;

/** A model provider that plays what a test says, and keeps the bodies that it was sent. */
export async function startUpstream(play: Play) {
  const calls: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    calls.push(JSON.parse(Buffer.concat(chunks).toString()));
    play(response, request);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

/** The app over an upstream that plays `play`, without add-ons; `log` holds what it logged. */
export async function startApp(play: Play, env: Record<string, string> = {}, addons: Addons = {}) {
  const upstream = await startUpstream(play);
  const log: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(line, _encoding, done) {
      log.push(JSON.parse(line));
      done();
    },
  });
  const settings = readSettings({
    OPENAI_API_KEY: 'sk-secret',
    OPENAI_BASE_URL: upstream.url,
    LLM_MODEL: 'test-model',
    MAX_RETRIES: '0',
    DRAIN_TIMEOUT: '0.05',
    ...env,
  });
  const app = await buildApp(settings, stream, addons);
  onTestFinished(() => {
    app.server.closeAllConnections();
    return app.close();
  });
  const generate = (payload: object, headers = {}) =>
    app.inject({ method: 'POST', url: '/generate', payload, headers });
  return { app, calls: upstream.calls, generate, log };
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A whole answer, as OpenAI gives it. */
export const answer: Play = (response) =>
  sendJson(response, {
    model: 'test-model-1',
    choices: [{ message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 2 },
  });

/** One chunk of a streamed answer. */
export function chunk(content: string, finishReason: string | null = null): string {
  const choice = { index: 0, delta: { content }, finish_reason: finishReason };
  return `data: ${JSON.stringify({ model: 'test-model-1', choices: [choice] })}\n\n`;
}

/** Answers with an event stream, and ends it. */
export const streaming =
  (...events: string[]): Play =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.join(''));
  };

/** The data lines of an event stream. */
export function readEvents(body: string): unknown[] {
  const data = body.split('\n\n').filter((event) => event.startsWith('data: '));
  return data.map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.slice(6))));
}
