import { writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { makeFolder, runCli } from '../harness/cli.ts';
import { makeProject } from '../harness/fake-project.ts';
import { addressOf, startTool } from '../harness/running.ts';

/** A server of any kind; returns its address and the bodies that it got. */
async function serve(
  answer: (response: ServerResponse) => void,
): Promise<{ url: string; bodies: unknown[] }> {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      answer(response);
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

const json = (value: unknown, status = 200, type = 'application/json') => {
  return (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': type, 'retry-after': '7' });
    response.end(JSON.stringify(value));
  };
};

const events = (...data: readonly string[]) => {
  return (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'r9' });
    response.end(`: ping\n\n${data.map((text) => `data: ${text}\n\n`).join('')}`);
  };
};

describe('a plain answer', () => {
  test('is printed as it is, and the request has what was asked for', async () => {
    const { url, bodies } = await serve(json({ text: 'Hi there' }));
    const flags = ['--system', 'Be short', '--model', 'm', '--max-tokens', '9'];
    const { code, stdout, stderr } = await runCli('llm-api', [
      ...['generate', 'Hello', '--url', `${url}/generate`, '--temperature', '0.5'],
      ...flags,
    ]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'Hi there\n', stderr: '' });
    expect(bodies).toEqual([
      { prompt: 'Hello', system: 'Be short', model: 'm', max_tokens: 9, temperature: 0.5 },
    ]);
  });

  test('--json prints the document', async () => {
    const answer = { text: 'Hi', model: 'm', finish_reason: 'stop' };
    const { url } = await serve(json(answer));
    const { stdout } = await runCli('llm-api', ['generate', 'Hello', '--json', '--url', url]);
    expect(JSON.parse(stdout)).toEqual(answer);
  });

  test('- reads the prompt from standard input', async () => {
    const { url, bodies } = await serve(json({ text: 'Hi' }));
    await runCli('llm-api', ['generate', '-', '--url', url], { input: 'two\nlines\n' });
    expect(bodies).toEqual([{ prompt: 'two\nlines\n' }]);
  });
});

describe('a stream', () => {
  const pieces = ['{"text":"Hel"}', '{"text":"lo"}'];
  const end = '{"finish_reason":"stop","model":"m","usage":{"input_tokens":1,"output_tokens":2}}';

  test('is printed to its end', async () => {
    const { url, bodies } = await serve(events(...pieces, end, '[DONE]'));
    const { code, stdout } = await runCli('llm-api', ['generate', 'x', '--stream', '--url', url]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Hello\n' });
    expect(bodies).toEqual([{ prompt: 'x', stream: true }]);
  });

  test('--json puts it together again', async () => {
    const { url } = await serve(events(...pieces, end, '[DONE]'));
    const args = ['generate', 'x', '--stream', '--json', '--url', url];
    const { stdout } = await runCli('llm-api', args);
    expect(JSON.parse(stdout)).toEqual({ text: 'Hello', ...JSON.parse(end) });
  });

  test('that breaks off is an error, after what came', async () => {
    const { url } = await serve(events(...pieces));
    const { code, stdout, stderr } = await runCli('llm-api', [
      ...['generate', 'x', '--stream', '--url', url],
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Hello\n' });
    expect(stderr).toContain('The answer broke off');
    expect(stderr).toContain('(request r9)');
  });

  test('that reports an error ends with it', async () => {
    const problem = { title: 'Upstream failed', status: 502, request_id: 'r9' };
    const { url } = await serve(events(...pieces, JSON.stringify({ error: problem })));
    const { code, stdout, stderr } = await runCli('llm-api', [
      ...['generate', 'x', '--stream', '--url', url],
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Hello\n' });
    expect(stderr).toContain('Upstream failed (502, request r9).');
  });
});

describe('an error', () => {
  test('is one sentence with what helps to find it', async () => {
    const problem = { title: 'Rate limited', detail: 'Slow down.', status: 429, request_id: 'r1' };
    const { url } = await serve(json(problem, 429, 'application/problem+json'));
    const { code, stderr } = await runCli('llm-api', ['generate', 'x', '--url', url]);
    expect(code).toBe(1);
    expect(stderr).toContain('Rate limited: Slow down (429, try again in 7 s, request r1).');
  });

  test('names the fields that a request got wrong', async () => {
    const errors = [{ field: 'prompt', message: 'is too long' }];
    const { url } = await serve(json({ title: 'Invalid request', status: 422, errors }, 422));
    const { stderr } = await runCli('llm-api', ['generate', 'x', '--url', url]);
    expect(stderr).toContain('Invalid request: prompt: is too long (422');
  });

  test('of a server that is not ours is said to be one', async () => {
    const { url } = await serve((response) => response.writeHead(404).end('<h1>no</h1>'));
    const { code, stderr } = await runCli('llm-api', ['generate', 'x', '--url', url]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${url} answered 404, but not as a server of ours does.`);
  });

  test('when nobody listens names the command that starts a server', async () => {
    const { url } = await serve(json({}));
    const closed = await makeFolder();
    const { port } = new URL(url);
    const { code, stderr } = await runCli('llm-api', ['generate', 'x'], {
      cwd: closed,
      // Nobody listens on that address of this machine.
      env: { HOST: '127.0.0.9', PORT: port },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`Nobody listens on http://127.0.0.9:${port}.`);
    expect(stderr).toContain('llm-api dev');
  });

  test.each([
    [['  '], 'The prompt is empty.'],
    [['x', '--temperature', '3'], '--temperature takes a number from 0 to 2'],
    [['x', '--max-tokens', '0'], '--max-tokens takes a whole number'],
    [['x', '--url', 'localhost'], '--url takes the address of a server'],
    [['x', '--strea'], '--stream'],
  ])('%j is wrong usage', async (args, words) => {
    const { code, stderr } = await runCli('llm-api', ['generate', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});

describe('in a project', () => {
  test('finds the server that runs, and no longer when it has ended', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    const dev = startTool(['dev'], { cwd: directory });
    await dev.waitFor('is ready.');
    const { stdout } = await runCli('llm-api', ['generate', 'Hi'], { cwd: directory });
    expect(stdout).toBe('Hi!\n');
    const { port } = new URL(addressOf(dev));
    dev.signal('SIGINT');
    await dev.ended;
    await writeFile(join(directory, '.env'), `PORT=${port}\n`);
    const { code, stderr } = await runCli('llm-api', ['generate', 'Hi'], { cwd: directory });
    expect(code).toBe(1);
    expect(stderr).toContain(`Nobody listens on http://127.0.0.1:${port}.`);
  });

  test('of a simple stack, what its server would refuse is refused here', async () => {
    const directory = await makeFolder();
    await makeProject(directory);
    const args = ['generate', 'x', '--max-tokens', '9'];
    const { code, stderr } = await runCli('llm-api', args, { cwd: directory });
    expect(code).toBe(2);
    expect(stderr).toContain('takes only a prompt, and no --max-tokens');
  });
});

describe('--direct', () => {
  const KEY = 'sk-very-secret';

  async function askDirectly(envFile: string, ...flags: readonly string[]) {
    const directory = await makeFolder();
    await makeProject(directory);
    await writeFile(join(directory, '.env'), envFile);
    const args = ['generate', 'Hello', '--direct', ...flags];
    return runCli('llm-api', args, { cwd: directory });
  }

  test("asks the upstream with the project's settings", async () => {
    const mock = await startMock();
    onTestFinished(() => mock.close());
    const env = `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\nLLM_MODEL=some-model\n`;
    const { code, stdout } = await askDirectly(env, '--system', 'Be short', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'some-model', finish_reason: 'stop' });
    expect(mock.requests[0]?.body).toMatchObject({
      model: 'some-model',
      messages: [
        { role: 'system', content: 'Be short' },
        { role: 'user', content: 'Hello' },
      ],
    });
  });

  test('without a key says so', async () => {
    const { code, stderr } = await askDirectly('');
    expect(code).toBe(1);
    expect(stderr).toContain('OPENAI_API_KEY is not set');
  });

  test('never prints the key, even where the upstream repeats it', async () => {
    const message = `Incorrect API key provided: ${KEY}, sk-ve**********et.`;
    const { url } = await serve(json({ error: { message } }, 401));
    const { code, stdout, stderr } = await askDirectly(
      `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${url}/v1\n`,
    );
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('sk-ve');
    expect(stderr).toContain(`${url}/v1 answered 401 Incorrect API key provided`);
    expect(stderr).toContain('look at OPENAI_API_KEY');
  });

  test.each(['truncate', 'reset-after', 'error-event', 'reset-before', 'not-json'] as const)(
    'says what is wrong with an upstream that meets %s',
    async (fault) => {
      const mock = await startMock({ fault });
      onTestFinished(() => mock.close());
      const { code, stderr } = await askDirectly(
        `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`,
      );
      expect(code).toBe(1);
      expect(stderr).not.toContain('bug in create-llm-api');
    },
  );
});
