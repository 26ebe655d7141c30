/** The official client for Python, in the version that a simple project locks, as if we were OpenAI. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, inject, test } from 'vitest';
import { describeServers } from '../contract/describe.ts';
import { CALLER_KEYS, cleanEnvironment, MODEL, PROMPT } from '../contract/environment.ts';
import { prepareProject } from '../contract/projects.ts';
import { STACKS } from './chat.ts';

const script = fileURLToPath(new URL('openai_clients.py', import.meta.url));
const models = ['mock-rate-limited', 'mock-server-error', 'mock-error-event'];
const env = {
  API_KEYS: CALLER_KEYS.join(','),
  ALLOWED_MODELS: models.join(','),
  MAX_PROMPT_CHARS: '1000',
};
const text = expect.stringMatching(`^Hello! This is the built-in mock.* You wrote: ${PROMPT}$`);

let python = '';

beforeAll(async () => {
  const target = inject('target');
  if (target.kind !== 'projects') return;
  const { directory } = await prepareProject(target.tool, 'flask', () => {});
  const program = process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python';
  python = join(directory, program);
}, 120_000);

describeServers('the client for Python', { ...STACKS, command: 'own', env }, (api) => {
  test('chats, streams, calls tools, and raises its own errors', async () => {
    const clientEnv = {
      ...cleanEnvironment(),
      OPENAI_BASE_URL: `${api.url}/v1`,
      OPENAI_API_KEY: CALLER_KEYS[0],
      NO_PROXY: '127.0.0.1',
    };
    const { stdout } = await promisify(execFile)(python, [script, MODEL, PROMPT], {
      env: clientEnv,
      timeout: 50_000,
    });
    expect(JSON.parse(stdout)).toEqual({
      chat: { text, output_tokens: expect.any(Number), request_id: expect.any(String) },
      stream: { text, output_tokens: expect.any(Number) },
      tools: { finish_reason: 'tool_calls', call: ['get_weather', { city: 'mock' }], text },
      models: [MODEL, ...models],
      model: MODEL,
      errors: [
        ['AuthenticationError', 401, 'unauthorized'],
        ['NotFoundError', 404, 'model_not_found'],
        ['BadRequestError', 400, 'invalid-request'],
        ['RateLimitError', 429, 'upstream-rate-limited'],
        ['InternalServerError', 502, 'upstream-failed'],
        ['APIError', null, 'upstream-failed'],
      ],
    });
  });
});
