/** Bodies of /v1/chat/completions that could be read, but not be passed on. */
import { expect, test } from 'vitest';
import { describeServers } from '../contract/describe.ts';
import { chat, complete, expectApiError, STACKS } from './chat.ts';

const large = { MAX_BODY_BYTES: '1000000' };

describeServers('a large body', { ...STACKS, command: 'own', env: large }, (api) => {
  test.each([250, 5000, 400_000])('is refused where it is %i deep', async (depth) => {
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const sent = chat({ metadata: 'here' });
    const body = String(sent.body).replace('"here"', deep);
    expectApiError(await api.send({ ...sent, body }), 400, 'invalid-json');
    expect(api.mock.counts.received).toBe(0);
  });

  test('goes on where it is not', async () => {
    const metadata = Array.from({ length: 10_000 }, () => ({ a: [[[1]]] }));
    expect((await complete(api, { metadata })).status).toBe(200);
  });
});
