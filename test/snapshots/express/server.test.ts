import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApp, readSettings, type Settings } from './server.js';

let answerUpstream: RequestListener; // what the model's provider does in this test
const servers: Server[] = [];
let asked: { url: string | undefined; key: string | undefined; body: unknown }[];
let settings: Settings;
let base: string;

beforeEach(async () => {
  vi.spyOn(console, 'log').mockReturnValue();
  answerUpstream = (_req, res) => reply(res, 200, complete('Hello!'));
  asked = [];
  const upstream = await listen(async (req, res) => {
    const body = JSON.parse((await req.toArray()).join(''));
    asked.push({ url: req.url, key: req.headers.authorization, body });
    answerUpstream(req, res);
  });
  settings = readSettings({
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${upstream}/v1`,
    LLM_MODEL: 'test-model',
    MAX_PROMPT_CHARS: '20',
    MAX_BODY_BYTES: '1000',
  });
  base = await listen(createApp(settings));
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(app: RequestListener): Promise<string> {
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const complete = (content: unknown) => ({ choices: [{ message: { content } }] });

function reply(res: ServerResponse, status: number, body: unknown, headers = {}): void {
  res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

const generate = (body: unknown, init: RequestInit = {}) =>
  fetch(`${base}/generate`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });

async function expectProblem(response: Response, status: number, slug: string) {
  const problem = (await response.json()) as { errors: { field: string; message: string }[] };
  expect(problem).toMatchObject({
    type: `/problems/${slug}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    request_id: response.headers.get('X-Request-Id'),
  });
  expect(response.status).toBe(status);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  return problem;
}

describe('POST /generate', () => {
  it('answers with the text of the model', async () => {
    const response = await generate({ prompt: 'Say hello' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ text: 'Hello!' });
    expect(asked).toEqual([
      {
        url: '/v1/chat/completions',
        key: 'Bearer sk-test',
        body: { model: 'test-model', messages: [{ role: 'user', content: 'Say hello' }] },
      },
    ]);
  });

  it.each([
    ['no prompt', {}, 'prompt'],
    ['a prompt that is no string', { prompt: 1 }, 'prompt'],
    ['a blank prompt', { prompt: ' \n' }, 'prompt'],
    ['a prompt of 21 characters', { prompt: '😀'.repeat(21) }, 'prompt'],
    ['an unknown field', { prompt: 'Hi', stream: true }, 'stream'],
    ['no object', ['Hi'], 'body'],
  ])('refuses %s', async (_what, body, field) => {
    const problem = await expectProblem(await generate(body), 422, 'invalid-request');
    expect(problem.errors).toEqual([{ field, message: expect.any(String) }]);
    expect(asked).toEqual([]);
  });

  it('counts characters, not bytes', async () => {
    expect((await generate({ prompt: '😀'.repeat(20) })).status).toBe(200);
  });

  it('names every mistake', async () => {
    const problem = await expectProblem(await generate({ a: 1, b: 2 }), 422, 'invalid-request');
    expect(problem.errors.map(({ field }) => field)).toEqual(['prompt', 'a', 'b']);
  });

  it.each(['{"prompt": ', ''])('refuses %j, which is not JSON', async (body) => {
    await expectProblem(await generate(body), 400, 'invalid-json');
  });

  it('refuses a body that is too large', async () => {
    await expectProblem(await generate({ prompt: 'x'.repeat(1000) }), 413, 'too-large');
  });

  it('refuses a body that is not sent as JSON', async () => {
    const response = await generate(
      { prompt: 'Hi' },
      { headers: { 'Content-Type': 'text/plain' } },
    );
    await expectProblem(response, 415, 'unsupported-media-type');
  });
});

describe('when the model provider fails', () => {
  it.each([
    [400, 502, 'upstream-misconfigured'],
    [401, 502, 'upstream-misconfigured'],
    [403, 502, 'upstream-misconfigured'],
    [404, 502, 'upstream-misconfigured'],
    [500, 502, 'upstream-failed'],
  ])('turns its %d into %d %s and keeps its words to itself', async (upstream, status, slug) => {
    const words = { error: { message: 'sk-test is wrong' } };
    answerUpstream = (_req, res) => reply(res, upstream, words);
    const problem = await expectProblem(await generate({ prompt: 'Hi' }), status, slug);
    expect(JSON.stringify(problem)).not.toContain('sk-test');
  });

  it('passes its rate limit on instead of waiting for it', async () => {
    answerUpstream = (_req, res) => reply(res, 429, {}, { 'Retry-After': '3600' });
    const response = await generate({ prompt: 'Hi' });
    await expectProblem(response, 429, 'upstream-rate-limited');
    expect(response.headers.get('Retry-After')).toBe('3600');
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['is not JSON', (res: ServerResponse) => res.end('<html>')],
    ['is cut off', (res: ServerResponse) => res.end('{"choices": [')],
    ['has no choices', (res: ServerResponse) => reply(res, 200, { error: {} })],
    ['has no text', (res: ServerResponse) => reply(res, 200, complete(null))],
  ])('answers 502 when its answer %s', async (_what, answer) => {
    answerUpstream = (_req, res) => answer(res.setHeader('Content-Type', 'application/json'));
    await expectProblem(await generate({ prompt: 'Hi' }), 502, 'upstream-failed');
  });

  it.each([
    ['refuses the connection', 'http://127.0.0.1:1/v1', 502, 'upstream-failed'],
    ['does not answer in time', undefined, 504, 'upstream-timeout'],
  ])('says so when it %s', async (_what, baseURL, status, slug) => {
    answerUpstream = () => {}; // never
    const options = { apiKey: 'sk-test', baseURL: baseURL ?? settings.OPENAI_BASE_URL };
    base = await listen(
      createApp(settings, new OpenAI({ ...options, timeout: 50, maxRetries: 0 })),
    );
    await expectProblem(await generate({ prompt: 'Hi' }), status, slug);
  });

  it('gives up after a minute, also in the middle of an answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    answerUpstream = (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' }).write('{');
      setImmediate(() => vi.advanceTimersByTime(60_000));
    };
    await expectProblem(await generate({ prompt: 'Hi' }), 504, 'upstream-timeout');
  });

  it('drops its call when the caller leaves', async () => {
    const caller = new AbortController();
    const left = new Promise((resolve) => {
      answerUpstream = (_req, res) => {
        res.on('close', resolve);
        caller.abort();
      };
    });
    await expect(generate({ prompt: 'Hi' }, { signal: caller.signal })).rejects.toThrow('aborted');
    await left;
  });
});

describe('every answer', () => {
  it.each([
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['GET', '/generate', 'POST'],
  ])('to %s %s is 405 and names what is allowed', async (method, path, allowed) => {
    const response = await fetch(base + path, { method });
    await expectProblem(response, 405, 'method-not-allowed');
    expect(response.headers.get('Allow')).toBe(allowed);
  });

  it('to an unknown path is 404', async () => {
    await expectProblem(await fetch(`${base}/nowhere`), 404, 'not-found');
  });

  it.each(['/', '/healthz'])('to GET %s is 200', async (path) => {
    const response = await fetch(base + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('X-Powered-By')).toBeNull();
  });

  it.each([
    ['my-id.1', 'my-id.1'],
    ['not an id', expect.stringMatching(/^[\w-]{36}$/)],
  ])('to a request called %j has an X-Request-Id', async (given, expected) => {
    const response = await fetch(`${base}/healthz`, { headers: { 'X-Request-Id': given } });
    expect(response.headers.get('X-Request-Id')).toEqual(expected);
  });

  it('is logged in one line, without what was said', async () => {
    await generate({ prompt: 'private' });
    await vi.waitFor(() => expect(console.log).toHaveBeenCalledOnce());
    const line = vi.mocked(console.log).mock.lastCall?.[0];
    expect(JSON.parse(line)).toMatchObject({ route: '/generate', status: 200 });
    expect(line).not.toMatch(/private|Hello|sk-test/);
  });
});

describe('settings', () => {
  it('have defaults, also for what is set to nothing', () => {
    expect(readSettings({ PORT: '' })).toMatchObject({ HOST: '127.0.0.1', PORT: 8000 });
  });

  it('prefer the later source, but not where it is empty', () => {
    const read = readSettings({ HOST: 'a', LLM_MODEL: 'b' }, { HOST: 'c', LLM_MODEL: '' });
    expect(read).toMatchObject({ HOST: 'c', LLM_MODEL: 'b' });
  });

  it('report all mistakes at once, each by name', () => {
    const wrong = {
      APP_ENV: 'production',
      PORT: '0',
      OPENAI_BASE_URL: 'localhost',
      LOG_LEVEL: 'x',
    };
    for (const name of ['OPENAI_API_KEY', 'PORT', 'OPENAI_BASE_URL', 'LOG_LEVEL'])
      expect(() => readSettings(wrong)).toThrow(new RegExp(`^${name}: `, 'm'));
  });

  it('never repeat the key', () => {
    expect(() => readSettings({ OPENAI_API_KEY: 'sk secret' })).toThrow(/^(?!.*secret)/s);
  });

  it('without a key make /generate answer 502', async () => {
    base = await listen(createApp({ ...settings, OPENAI_API_KEY: undefined }));
    await expectProblem(await generate({ prompt: 'Hi' }), 502, 'upstream-misconfigured');
    expect(asked).toEqual([]);
  });
});
