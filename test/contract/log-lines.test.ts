import { expect, test } from 'vitest';
import { describeServers } from './describe.ts';
import { bearer, CALLER_KEYS, hashKey } from './environment.ts';
import { eventually } from './eventually.ts';
import { generate } from './http.ts';
import { findLines } from './lines.ts';

const KEY = bearer(CALLER_KEYS[0]);
const COUNT = expect.toSatisfy((value) => Number.isInteger(value) && value > 0);

/** That no prompt, completion or key is in a log is checked of every server, when it has ended. */
describeServers(
  'a line in the log',
  { layout: 'async', command: 'own', output: true, env: { API_KEYS: CALLER_KEYS[0] } },
  (api) => {
    test.each([false, true])('tells all of an answer (stream: %s)', async (stream) => {
      const line = await lineOf(`all-${stream}`, { stream });
      expect(line).toMatchObject({
        time: expect.any(String),
        level: expect.stringMatching(/^info$/i),
        message: expect.any(String),
        method: 'POST',
        route: '/generate',
        status: 200,
        outcome: 'ok',
        model: expect.stringMatching(/./),
        duration_ms: expect.any(Number),
        input_tokens: COUNT,
        output_tokens: COUNT,
        key_id: hashKey(CALLER_KEYS[0]).slice(0, 8),
      });
      expect(Date.now() - Date.parse(String(line?.time))).toBeLessThan(60_000);
      if (stream) expect(line?.ttft_ms).toEqual(expect.any(Number));
    });

    test('tells a first token from the last', async () => {
      api.mock.setPace({ timeToFirstToken: 300, tokensPerSecond: 50 });
      const line = await lineOf('paced', { stream: true });
      expect(line?.ttft_ms).toBeGreaterThan(250);
      expect(Number(line?.duration_ms)).toBeGreaterThan(Number(line?.ttft_ms) + 250);
    });

    test.each([
      ['invalid-json', 400, { ...generate({}, KEY), body: '{' }],
      ['unauthorized', 401, generate()],
      ['not-found', 404, { path: '/nowhere' }],
      ['method-not-allowed', 405, { path: '/generate' }],
      ['too-large', 413, { ...generate({}, KEY), body: 'x'.repeat(10_000) }],
      ['unsupported-media-type', 415, generate({}, { ...KEY, 'Content-Type': 'text/plain' })],
      ['invalid-request', 422, generate({ prompt: '' }, KEY)],
    ])('names the outcome %s', async (outcome, status, sent) => {
      const id = `outcome-${status}`;
      await api.send({ ...sent, headers: { ...sent.headers, 'X-Request-Id': id } });
      expect(await expectOneLine(id)).toMatchObject({ outcome, status });
    });

    test('names no path that is not, nor what is behind a question mark', async () => {
      const path = '/nowhere/canary-path-91?key=canary-query-17';
      await api.send({ path, headers: { 'X-Request-Id': 'no-path' } });
      await expectOneLine('no-path');
      expect(api.output()).not.toContain('canary-query-17');
    });

    test('and every line is one of JSON', async () => {
      await lineOf('json', {});
      const lines = api.output().trim().split('\n');
      for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
    });

    async function lineOf(id: string, fields: object) {
      await api.generate({ ...fields }, { ...KEY, 'X-Request-Id': id });
      return expectOneLine(id);
    }

    async function expectOneLine(id: string) {
      const find = () => findLines(api.output(), { request_id: id });
      await eventually(() => expect(find()).toHaveLength(1));
      return find()[0];
    }
  },
);
