import { expect, test } from 'vitest';
import type { Fault } from '../../src/mock/index.ts';
import { type Api, describeServers } from './describe.ts';
import { LIMITS, MODEL, OTHER_MODEL, PROMPT } from './environment.ts';
import { eventually, waitForToken } from './eventually.ts';
import { parseEvents } from './http.ts';
import { checkProblem, type Problem, type Slug } from './problem.ts';

describeServers('streams', { layout: 'async' }, (api) => {
  test('its events, byte for byte', async () => {
    const answer = await api.stream();
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream(; charset=utf-8)?$/);
    expect(answer.headers['cache-control']).toBe('no-cache');
    expect(answer.headers['x-accel-buffering']).toBe('no');

    const events = parseEvents(await answer.whole);
    expect(events.at(-1)).toBe('[DONE]');
    expect(JSON.parse(events.at(-2) as string)).toEqual({
      finish_reason: 'stop',
      model: MODEL,
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
    });
    const texts = events.slice(0, -2).map((event) => JSON.parse(event));
    for (const text of texts) expect(text).toEqual({ text: expect.stringMatching(/./s) });
    expect(texts.length).toBeGreaterThan(3);
    expect(texts.map(({ text }) => text).join('')).toContain(`You wrote: ${PROMPT}`);
  });

  test('any character, each whole', async () => {
    const prompt = 'Zürich 東京 🦜🧑🏽‍🚀 "quotes" \\';
    const events = parseEvents(await (await api.stream({ prompt })).whole);
    const texts = events.slice(0, -2).map((event) => JSON.parse(event).text as string);
    for (const text of texts) expect(text).not.toContain('\ufffd');
    expect(texts.join('')).toContain(prompt);
  });

  test('with what was asked for, and asks for the usage', async () => {
    const answer = await api.stream({ model: OTHER_MODEL, max_tokens: 2, system: 'Be brief.' });
    const events = parseEvents(await answer.whole);
    expect(JSON.parse(events.at(-2) as string)).toMatchObject({
      finish_reason: 'length',
      model: OTHER_MODEL,
      usage: { output_tokens: 2 },
    });
    expect(api.mock.requests.at(-1)?.body).toMatchObject({
      model: OTHER_MODEL,
      max_completion_tokens: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  test('with the cap on tokens, asked or not', async () => {
    await (await api.stream()).whole;
    expect(api.mock.requests.at(-1)?.body).toMatchObject({
      max_completion_tokens: LIMITS.outputTokens,
    });
  });

  test('under the caller’s X-Request-Id', async () => {
    const answer = await api.stream({}, { 'X-Request-Id': 'caller-3' });
    expect(answer.headers['x-request-id']).toBe('caller-3');
    await answer.whole;
  });

  test('each token as it comes', async () => {
    api.mock.setFault('drip');
    const answer = await api.stream();
    await waitForToken(answer);
    expect(api.mock.counts.open, 'the upstream is not done').toBe(1);
    answer.leave();
  });

  test.each<[Fault, Slug]>([
    ['reset-after', 'upstream-failed'],
    ['truncate', 'upstream-truncated'],
    ['error-event', 'upstream-failed'],
    ['stall', 'upstream-timeout'],
    ['drip', 'upstream-timeout'],
  ])('what came before %s, then the error, and no [DONE]', async (fault, slug) => {
    api.mock.setFault(fault);
    const answer = await api.stream({}, { 'X-Request-Id': 'caller-4' });
    expect(answer.status).toBe(200);
    const events = parseEvents(await answer.whole).map((event) => JSON.parse(event));
    const { error } = events.pop() as { error: Problem };
    checkProblem(error, slug);
    expect(error.request_id).toBe('caller-4');
    expect(events.length).toBeGreaterThanOrEqual(3);
    for (const event of events) expect(event).toEqual({ text: expect.any(String) });
    expect(api.mock.counts.received, 'a stream that has begun is not begun again').toBe(1);
  });

  test('nothing more to a client that left: the upstream call ends', async () => {
    await leaveMidStream(api);
    const counts = () => expect(api.mock.counts).toMatchObject({ clientLeft: 1, open: 0 });
    await eventually(counts, 2);
  });

  test('to many at a time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.stream()));
    const texts = await Promise.all(answers.map((answer) => answer.whole));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/data: \[DONE\]\n\n$/);
  });
});

async function leaveMidStream(api: Api): Promise<void> {
  api.mock.setFault('drip');
  const answer = await api.stream();
  await waitForToken(answer);
  answer.leave();
}
