/** The official Python client, in the version that a project locks, against the mock. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { describeProjects } from './describe.ts';

const script = fileURLToPath(new URL('openai_python.py', import.meta.url));
const text = expect.stringMatching(/^Hello! This is the built-in mock.* You wrote: Good morning$/);

describeProjects('the Python client', { language: 'python', layout: 'simple' }, ({ directory }) => {
  const python = join(
    directory,
    process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python',
  );

  test('works with the mock as it is', async ({ onTestFinished }) => {
    const mock = await startMock();
    onTestFinished(() => mock.close());
    const env = {
      ...process.env,
      OPENAI_BASE_URL: mock.url,
      OPENAI_API_KEY: 'sk-test',
      NO_PROXY: '127.0.0.1',
    };
    const { stdout } = await promisify(execFile)(python, [script], { env, timeout: 50_000 });
    const end = { finish_reason: 'stop', output_tokens: 25 };
    expect(JSON.parse(stdout)).toEqual({
      chat: { text, ...end, request_id: 'req_mock_0' },
      chat_stream: { text, ...end },
      chat_helper: { text, last_event: 'content.done' },
      chat_async: { text },
      responses: { text, status: 'completed' },
      responses_helper: { text, last_event: 'response.completed' },
      embeddings: { lengths: [8, 8] },
      models: { ids: expect.arrayContaining(['mock', 'mock-stall']) },
      errors: {
        'bad-request': ['BadRequestError', 400],
        unauthorized: ['AuthenticationError', 401],
        'not-found': ['NotFoundError', 404],
        'rate-limited': ['RateLimitError', 429],
        'server-error': ['InternalServerError', 500],
        unavailable: ['InternalServerError', 503],
        'reset-before': ['APIConnectionError', null],
        nope: ['NotFoundError', 404],
      },
      error_event: ['APIError', null],
    });
  });
});
