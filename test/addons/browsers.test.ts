/** What a page of another origin may send and read, with what the add-ons have. */
import { expect, test } from 'vitest';
import { describeServers } from '../contract/describe.ts';
import { STACKS } from './chat.ts';

const PAGE = 'https://app.example';
const env = { CORS_ORIGINS: PAGE };

describeServers('pages of other origins', { ...STACKS, command: 'own', env }, (api) => {
  test.each([
    ['/generate', 'authorization,content-type,idempotency-key'],
    ['/v1/chat/completions', 'authorization,content-type,x-stainless-lang,x-stainless-retry-count'],
  ])('may send to %s: %s', async (path, names) => {
    const { status, headers } = await api.send({
      method: 'OPTIONS',
      path,
      headers: {
        Origin: PAGE,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': names,
      },
    });
    expect([200, 204]).toContain(status);
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(list(headers['access-control-allow-headers'])).toEqual(
      expect.arrayContaining(names.split(',')),
    );
  });

  test('may read whether an answer was kept', async () => {
    const { headers } = await api.generate({}, { Origin: PAGE });
    expect(list(headers['access-control-expose-headers'])).toEqual(
      expect.arrayContaining(['idempotent-replayed', 'cache-status', 'x-request-id']),
    );
  });
});

function list(value: unknown): string[] {
  return String(value).toLowerCase().split(/, */);
}
