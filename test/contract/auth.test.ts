import { describe, expect, test } from 'vitest';
import { findFreePort } from '../harness/free-port.ts';
import { describeProjects, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS, findLeaks, hashKey, KEY } from './environment.ts';
import { eventually } from './eventually.ts';
import { begin, generate } from './http.ts';
import { findLines } from './lines.ts';
import { startOwn } from './own.ts';
import { expectProblem } from './problem.ts';
import { stopProgram, withDeadline } from './program.ts';
import { refusal, talk } from './socket.ts';

const [PLAIN, HASHED] = CALLER_KEYS;

describeServers(
  'keys',
  {
    layout: 'async',
    command: 'own',
    output: true,
    env: { API_KEYS: ` ${PLAIN} , sha256:${hashKey(HASHED)}`, APP_ENV: 'production' },
  },
  (api) => {
    describe('let in', () => {
      test.each([
        ['a key that is written plainly', bearer(PLAIN)],
        ['a key of which only the hash is written', bearer(HASHED)],
        ['a scheme in small letters', { Authorization: `bearer ${PLAIN}` }],
        ['a scheme in capitals', { Authorization: `BEARER ${HASHED}` }],
      ])('%s', async (_, headers) => {
        expect((await api.generate({}, headers)).status).toBe(200);
        const socket = await talk(api.url, headers);
        socket.ask();
        expect((await socket.ends(1)).at(-1)).toMatchObject({ finish_reason: 'stop' });
        socket.close();
      });
    });

    describe('keep out', () => {
      const strangers: [string, Record<string, string>][] = [
        ['nothing', {}],
        ['an empty value', { Authorization: '' }],
        ['a scheme alone', { Authorization: 'Bearer' }],
        ['a scheme and a space', { Authorization: 'Bearer ' }],
        ['a wrong key', bearer('not-a-key')],
        ['the start of a key', bearer(PLAIN.slice(0, -1))],
        ['a key and more', bearer(`${PLAIN}x`)],
        ['a key in other letters', bearer(PLAIN.toUpperCase())],
        ['two keys', bearer(`${PLAIN},${HASHED}`)],
        ['the hash of a key', bearer(hashKey(HASHED))],
        ['what stands in API_KEYS', bearer(`sha256:${hashKey(HASHED)}`)],
        ['another scheme', { Authorization: `Basic ${btoa(`user:${PLAIN}`)}` }],
        ['a key with no scheme', { Authorization: PLAIN }],
        ['a key elsewhere', { 'X-Api-Key': PLAIN }],
        ['letters that are not ASCII', bearer('schlüssel\u00ff')],
        ['the key of the upstream', bearer(KEY)],
      ];
      test.each(strangers)('%s', async (_, headers) => {
        for (const fields of [{}, { stream: true }]) {
          const answer = await api.generate(fields, headers);
          expectProblem(answer, 'unauthorized');
          expect(answer.headers['www-authenticate']).toMatch(/^Bearer\b/);
        }
        const refused = await refusal(api.url, headers);
        expectProblem(refused, 'unauthorized');
        expect(refused.headers['www-authenticate']).toMatch(/^Bearer\b/);
        expect(api.mock.counts.received).toBe(0);
      });

      test('a key in the address', async () => {
        const { headers, body = '' } = generate();
        const path = `/generate?api_key=${PLAIN}&access_token=${PLAIN}`;
        const answer = await api.send({ method: 'POST', path, headers: headers ?? {}, body });
        expectProblem(answer, 'unauthorized');
      });
    });

    test.each([
      ['not JSON', '{', 'application/json'],
      ['not even said to be', 'x', 'text/plain'],
      ['too large', JSON.stringify({ prompt: 'x' }).padEnd(100_000), 'application/json'],
    ])('are asked for before the body is read: %s', async (_, body, type) => {
      const headers = { 'Content-Type': type };
      const answer = await api.send({ method: 'POST', path: '/generate', headers, body });
      expectProblem(answer, 'unauthorized');
    });

    test('are asked for before the body is there', async () => {
      const call = begin(api.url, { ...generate(), unfinished: true });
      expect((await call.answer).status).toBe(401);
      call.leave();
    });

    test.each(['/', '/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'])(
      'are not asked for at %s',
      async (path) => {
        expect((await api.send({ path })).status).toBeLessThan(400);
      },
    );

    test('are told apart in the log by the start of their hashes', async () => {
      await api.generate({}, { ...bearer(PLAIN), 'X-Request-Id': 'key-plain' });
      await api.generate({}, { ...bearer(HASHED), 'X-Request-Id': 'key-hashed' });
      await api.generate({}, { ...bearer('not-a-key'), 'X-Request-Id': 'key-wrong' });
      await expectKeyId('key-plain', hashKey(PLAIN).slice(0, 8), 'ok');
      await expectKeyId('key-hashed', hashKey(HASHED).slice(0, 8), 'ok');
      await expectKeyId('key-wrong', undefined, 'unauthorized');
      expect(api.output()).not.toContain('not-a-key');
    });

    async function expectKeyId(id: string, keyId: string | undefined, outcome: string) {
      const find = () => findLines(api.output(), { request_id: id });
      await eventually(() => expect(find()).toHaveLength(1));
      expect(find()[0]?.outcome).toBe(outcome);
      expect(find()[0]?.key_id ?? undefined).toBe(keyId);
    }
  },
);

describeProjects('does not start', { layout: 'async' }, ({ directory }) => {
  const rows: [string, Record<string, string>, string[]][] = [
    ['in production with no key of either kind', {}, ['API_KEYS', 'OPENAI_API_KEY']],
    ['in production with no keys of callers', { OPENAI_API_KEY: KEY }, ['API_KEYS']],
    [
      'in production with keys that are none',
      { OPENAI_API_KEY: KEY, API_KEYS: ' , ,' },
      ['API_KEYS'],
    ],
    ['in production with no key of ours', { API_KEYS: PLAIN }, ['OPENAI_API_KEY']],
    [
      'with half a hash',
      { OPENAI_API_KEY: KEY, API_KEYS: `sha256:${hashKey(PLAIN).slice(1)}` },
      ['API_KEYS'],
    ],
    [
      'with a hash of something else',
      { OPENAI_API_KEY: KEY, API_KEYS: `sha256:${PLAIN}` },
      ['API_KEYS'],
    ],
  ];
  test.each(rows)('%s', async (_, env, names) => {
    const program = await startOwn(directory, {
      APP_ENV: 'production',
      PORT: String(await findFreePort()),
      ...env,
    });
    const code = await withDeadline(program.ended, 20);
    if (code === undefined) await stopProgram(program);
    for (const name of names) expect(program.output()).toMatch(new RegExp(`(?<!_)${name}\\b`));
    if (!names.includes('OPENAI_API_KEY')) expect(program.output()).not.toContain('OPENAI_API_KEY');
    expect(findLeaks(program.output())).toEqual([]);
    expect(code).toBe(1);
  });
});

describeServers('without API_KEYS in development', { layout: 'async' }, (api) => {
  test('asks nobody for a key', async () => {
    expect((await api.generate()).status).toBe(200);
    expect((await api.generate({}, bearer('any'))).status).toBe(200);
  });
});
