import { expect, test } from 'vitest';
import { describeServers } from './describe.ts';
import { eventually } from './eventually.ts';

/** That no prompt, completion or key is in a log is checked of every server, when it has ended. */
describeServers('logs', { layout: 'async', output: true }, (api) => {
  test.each([
    ['an answer', 200, {}],
    ['a refusal', 422, { temperature: 9 }],
  ])('one JSON line for %s', async (_, status, fields) => {
    const id = `logged-${status}`;
    await api.generate(fields, { 'X-Request-Id': id });
    await expectOneLine(id, { route: '/generate', status });
  });

  test('one for an upstream failure', async () => {
    api.mock.setFault('unauthorized');
    await api.generate({}, { 'X-Request-Id': 'logged-502' });
    await expectOneLine('logged-502', { route: '/generate', status: 502 });
  });

  test('one for a stream, at its end', async () => {
    const answer = await api.stream({}, { 'X-Request-Id': 'logged-stream' });
    await answer.whole;
    await expectOneLine('logged-stream', { route: '/generate', status: 200 });
  });

  test('one for a path that is not', async () => {
    await api.send({ path: '/nowhere', headers: { 'X-Request-Id': 'logged-404' } });
    await expectOneLine('logged-404', { status: 404 });
  });

  async function expectOneLine(id: string, members: object): Promise<void> {
    await eventually(() => expect(findLines(id)).toHaveLength(1));
    expect(findLines(id)[0]).toMatchObject({ ...members, duration_ms: expect.any(Number) });
  }

  /** The lines of requests; what else is logged of one, such as a warning, has no duration. */
  function findLines(id: string): object[] {
    return api
      .output()
      .split('\n')
      .filter((line) => line.includes(`"${id}"`))
      .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as object)
      .filter((line) => 'duration_ms' in line);
  }
});
