import { expect, test } from 'vitest';
import { describeServers } from './describe.ts';
import { LIMITS, MODEL, OTHER_MODEL, PROMPT } from './environment.ts';
import { eventually } from './eventually.ts';
import { REQUEST_ID } from './problem.ts';

const JSON_ANSWER = /^application\/json(; charset=utf-8)?$/;
const MADE_UP_WORDS = 'Zürich 東京 🦜🧑🏽‍🚀 "quotes" \\ \u2028';

/** What the mock was asked. */
interface Asked {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly [field: string]: unknown;
}

describeServers('answers', {}, (api) => {
  test('says what the model said, in the shape of its layout', async () => {
    const answer = await api.generate();
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(JSON_ANSWER);
    const text = expect.stringContaining(`You wrote: ${PROMPT}`);
    expect(JSON.parse(answer.text)).toEqual(
      api.layout === 'simple'
        ? { text }
        : {
            text,
            model: MODEL,
            finish_reason: 'stop',
            usage: {
              input_tokens: expect.toSatisfy(isCount),
              output_tokens: expect.toSatisfy(isCount),
            },
          },
    );
  });

  test('is alive', async () => {
    const answer = await api.send({ path: '/healthz' });
    expect(answer.status).toBe(200);
    expect(api.mock.counts.received, 'health does not ask the upstream').toBe(0);
  });

  test('says at / what it is', async () => {
    const answer = await api.send({});
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(api.layout === 'async' ? '/docs' : '/generate');
  });

  test('carries any character there and back', async () => {
    const answer = await api.generate({ prompt: MADE_UP_WORDS });
    expect(JSON.parse(answer.text).text).toContain('Zürich 東京 🦜🧑🏽‍🚀 "quotes" \\');
    expect(asked().messages.at(-1)?.content).toBe(MADE_UP_WORDS);
  });

  test('asks the upstream for the configured model, with the key', async () => {
    await api.generate();
    const [request] = api.mock.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions' });
    expect(request?.headers.authorization).toBeDefined();
    expect(asked()).toMatchObject({ model: MODEL, messages: [{ role: 'user', content: PROMPT }] });
  });

  test.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'takes Content-Type: %s',
    async (type) => {
      const answer = await api.generate({ prompt: 'grün' }, { 'Content-Type': type });
      expect(answer.status).toBe(200);
      expect(asked().messages.at(-1)?.content).toBe('grün');
    },
  );

  test.each(['a', 'Trace.1_2-3', 'x'.repeat(128)])('keeps the X-Request-Id %s', async (id) => {
    const answer = await api.generate({}, { 'X-Request-Id': id });
    expect(answer.headers['x-request-id']).toBe(id);
  });

  test.each(['', 'two words', 'a/b', 'x'.repeat(129), 'é'])(
    'replaces the X-Request-Id "%s"',
    async (id) => {
      const answer = await api.generate({}, { 'X-Request-Id': id });
      expect(answer.headers['x-request-id']).toMatch(REQUEST_ID);
      expect(answer.headers['x-request-id']).not.toBe(id);
    },
  );

  test('gives every request an X-Request-Id of its own, whatever the path', async () => {
    const paths = ['/', '/healthz', '/nowhere', '/'];
    const answers = await Promise.all(paths.map((path) => api.send({ path })));
    const ids = answers.map((answer) => answer.headers['x-request-id']);
    for (const id of ids) expect(id).toMatch(REQUEST_ID);
    expect(new Set(ids).size).toBe(paths.length);
  });

  test('takes a prompt of exactly MAX_PROMPT_CHARS characters, however many bytes', async () => {
    const prompt = '🦜'.repeat(LIMITS.promptChars);
    expect((await api.generate({ prompt })).status).toBe(200);
    expect(asked().messages.at(-1)?.content).toBe(prompt);
  });

  test('many at a time', async () => {
    api.mock.setPace({ timeToFirstToken: 1000 });
    const answers = Promise.all(Array.from({ length: 8 }, () => api.generate()));
    await eventually(() => expect(api.mock.counts.open).toBe(8));
    for (const { status } of await answers) expect(status).toBe(200);
  });

  function asked(): Asked {
    return api.mock.requests.at(-1)?.body as Asked;
  }
});

describeServers('passes on', { layout: 'async' }, (api) => {
  test('system, temperature and an allowed model', async () => {
    const answer = await api.generate({ system: 'Be brief.', temperature: 0, model: OTHER_MODEL });
    expect(JSON.parse(answer.text)).toMatchObject({ model: OTHER_MODEL });
    expect(asked()).toMatchObject({ model: OTHER_MODEL, temperature: 0 });
    expect(asked().messages).toEqual([
      { role: expect.stringMatching(/^(system|developer)$/), content: 'Be brief.' },
      { role: 'user', content: PROMPT },
    ]);
  });

  test('MAX_OUTPUT_TOKENS as a cap, asked or not, and nothing that was not asked for', async () => {
    await api.generate();
    expect(asked()).toMatchObject({ max_completion_tokens: LIMITS.outputTokens });
    expect(asked()).not.toHaveProperty('max_tokens');
    expect(asked()).not.toHaveProperty('temperature');
  });

  test('a max_tokens below the cap', async () => {
    const answer = await api.generate({ max_tokens: 2 });
    expect(asked()).toMatchObject({ max_completion_tokens: 2 });
    expect(JSON.parse(answer.text)).toMatchObject({
      finish_reason: 'length',
      usage: { output_tokens: 2 },
    });
  });

  function asked(): Asked {
    return api.mock.requests.at(-1)?.body as Asked;
  }
});

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0;
}
