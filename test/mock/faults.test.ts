import { expect, test } from 'vitest';
import { FAULTS, type Fault, parseFault } from '../../src/mock/index.ts';
import { waitFor } from '../harness/wait.ts';
import { ask, chat, readEvents, readWords, useMock } from './ask.ts';

const FEW = 'Hello! This is';
const streamed = (fault: Fault) => chat({ model: `mock-${fault}`, stream: true });
const plain = (fault: Fault) => chat({ model: `mock-${fault}` });

test('every fault has a name that parses, and a summary', () => {
  expect(FAULTS.map(({ name }) => parseFault(name))).toEqual(FAULTS.map(({ name }) => name));
  expect(FAULTS.every(({ summary }) => summary.length > 0)).toBe(true);
  expect(parseFault('nope')).toBeUndefined();
});

test.each([
  ['bad-request', 400, 'invalid_request_error', null],
  ['unauthorized', 401, 'invalid_request_error', 'invalid_api_key'],
  ['not-found', 404, 'invalid_request_error', 'model_not_found'],
  ['rate-limited', 429, 'requests', 'rate_limit_exceeded'],
  ['server-error', 500, 'server_error', null],
  ['unavailable', 503, 'server_error', null],
] as const)('%s is %i, with and without a stream', async (fault, status, type, code) => {
  const mock = await useMock();
  for (const body of [plain(fault), streamed(fault)]) {
    const answer = await ask(mock, '/chat/completions', body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text).error).toMatchObject({ type, code });
    expect(answer.headers.get('retry-after')).toBe(fault === 'rate-limited' ? '7' : null);
  }
  expect(mock.counts).toMatchObject({ received: 2, faulted: 2, open: 0 });
});

test('the wait that rate-limited asks for can be chosen', async () => {
  const mock = await useMock({ retryAfter: 120 });
  const answer = await ask(mock, '/chat/completions', plain('rate-limited'));
  expect(answer.headers.get('retry-after')).toBe('120');
});

test.each(['hang', 'reset-before'] as const)('%s never answers a byte', async (fault) => {
  const mock = await useMock();
  for (const body of [plain(fault), streamed(fault)]) {
    const signal = AbortSignal.timeout(200);
    const cause = fault === 'hang' ? { name: 'TimeoutError' } : { cause: { code: 'ECONNRESET' } };
    await expect(ask(mock, '/chat/completions', body, { signal })).rejects.toMatchObject(cause);
  }
});

test.each(['stall', 'reset-after'] as const)('%s starts well', async (fault) => {
  const mock = await useMock();
  const patience = () => ({ signal: AbortSignal.timeout(500) });
  const stream = await ask(mock, '/chat/completions', streamed(fault), patience());
  expect(stream).toMatchObject({ status: 200, broke: true });
  expect(readWords(stream.text)).toBe(FEW);

  const whole = await ask(mock, '/chat/completions', plain(fault), patience());
  expect(whole).toMatchObject({ status: 200, broke: true });
  expect(whole.text).toMatch(/"content":"Hello! This/);

  await waitFor(() => mock.counts.open === 0);
  const outcome = fault === 'stall' ? 'client-left' : 'faulted';
  expect(mock.requests.map((request) => request.outcome)).toEqual([outcome, outcome]);
});

test('truncate ends cleanly, with nothing to say so', async () => {
  const mock = await useMock();
  const stream = await ask(mock, '/chat/completions', streamed('truncate'));
  expect(stream).toMatchObject({ status: 200, broke: false });
  expect(readWords(stream.text)).toBe(FEW);
  expect(stream.text).not.toMatch(/\[DONE\]|"finish_reason":"/);

  const whole = await ask(mock, '/chat/completions', plain('truncate'));
  expect(whole).toMatchObject({ status: 200, broke: false });
  expect(() => JSON.parse(whole.text)).toThrow();
});

test('not-json is HTML, or a first event that is no JSON', async () => {
  const mock = await useMock();
  const stream = await ask(mock, '/chat/completions', streamed('not-json'));
  expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(readEvents(stream.text)).toEqual([expect.stringMatching(/^<!doctype html>/)]);
  const whole = await ask(mock, '/chat/completions', plain('not-json'));
  expect(whole.status).toBe(200);
  expect(whole.headers.get('content-type')).toBe('text/html');
  expect(whole.text).toMatch(/^<!doctype html>/);
});

test('error-event is an error inside a 200', async () => {
  const mock = await useMock();
  const error = { type: 'server_error', message: expect.any(String), param: null, code: null };
  const stream = await ask(mock, '/chat/completions', streamed('error-event'));
  expect(stream.status).toBe(200);
  expect(readWords(stream.text)).toBe(FEW);
  expect(readEvents(stream.text).at(-1)).toEqual({ error });
  const whole = await ask(mock, '/chat/completions', plain('error-event'));
  expect(whole.status).toBe(200);
  expect(JSON.parse(whole.text)).toEqual({ error });
});

test('drip goes on for ever, a little at a time', async () => {
  const mock = await useMock();
  const until = ' model"'; // the eighth token
  const start = performance.now();
  const stream = await ask(mock, '/chat/completions', streamed('drip'), { until });
  expect(stream.broke).toBe(true);
  expect(performance.now() - start).toBeGreaterThan(690);
  const whole = await ask(mock, '/chat/completions', plain('drip'), { until: '   ' });
  expect(whole).toMatchObject({ status: 200, text: '   ' });
});

test('slow-first-token sends its headers at once', async () => {
  const mock = await useMock();
  const signal = AbortSignal.timeout(500);
  const stream = await ask(mock, '/chat/completions', streamed('slow-first-token'), { signal });
  expect(stream).toMatchObject({ status: 200, text: '', broke: true });
});

test('a responses stream is spoilt in its own words', async () => {
  const mock = await useMock();
  const send = (fault: Fault) =>
    ask(mock, '/responses', { model: `mock-${fault}`, input: 'x', stream: true });
  const events = readEvents((await send('error-event')).text);
  expect(events.at(-1)).toEqual({
    type: 'error',
    sequence_number: 7,
    code: 'server_error',
    message: expect.any(String),
    param: null,
  });
  expect(readEvents((await send('truncate')).text).at(-1).type).toBe('response.output_text.delta');
});

test('the header goes before the model, and the model before the instance', async () => {
  const mock = await useMock({ fault: 'server-error' });
  const ask1 = async (body: object, headers?: Record<string, string>) =>
    (await ask(mock, '/chat/completions', body, headers && { headers })).status;
  expect(await ask1(plain('unavailable'), { 'x-mock-fault': 'unauthorized' })).toBe(401);
  expect(await ask1(plain('unavailable'))).toBe(503);
  expect(await ask1(chat())).toBe(500);
  mock.setFault(undefined);
  expect(await ask1(chat())).toBe(200);
  mock.setFault('rate-limited');
  expect(await ask1(chat())).toBe(429);
  mock.reset();
  expect(await ask1(chat()), 'back to the fault it was started with').toBe(500);
  expect((await ask(mock, '/models')).status, 'an instance is spoilt as a whole').toBe(500);
  expect(mock.requests.map(({ fault }) => fault)).toEqual(['server-error', 'server-error']);
});

test('an unknown fault in the header is refused, with the known ones', async () => {
  const mock = await useMock();
  const headers = { 'x-mock-fault': 'nope' };
  const answer = await ask(mock, '/chat/completions', chat(), { headers });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text).error.message).toMatch(/'nope'.*bad-request, .*drip/);
});
