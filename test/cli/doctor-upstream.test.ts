import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type MockOptions, startMock } from '../../src/mock/index.ts';
import {
  find,
  KEY,
  makeProjects,
  NO_PROXIES,
  readOnlyBad,
  readReport,
  runDoctor,
} from '../harness/doctor.ts';
import { findFreePort } from '../harness/free-port.ts';
import { startTool } from '../harness/running.ts';

const copyProject = makeProjects('flask');

async function serveMock(options: MockOptions = {}) {
  const mock = await startMock(options);
  onTestFinished(() => mock.close());
  return mock;
}

/** An upstream that refuses, and says the key that it was shown. @returns its base URL */
async function refuse(status: number): Promise<string> {
  const server = createServer((request, response) => {
    const message = `Incorrect API key provided: ${request.headers.authorization}`;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message } }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

describe('the key and the model', () => {
  test('are asked for, without an answer being asked for', async () => {
    const mock = await serveMock();
    const directory = await copyProject(
      'flask',
      `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`,
    );
    const { code, checks } = await readReport(directory);
    expect(code).toBe(0);
    expect(checks.find(({ name }) => name === 'key')?.text).toMatch(
      /^127\.0\.0\.1:\d+ takes it, and lists \d+ models \(asked for free\)$/,
    );
    expect(checks.find(({ name }) => name === 'model')).toMatchObject({
      verdict: 'good',
      text: 'gpt-4o: the provider has it',
    });
    expect(mock.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/models',
      'GET /v1/models/gpt-4o',
    ]);
  });

  test('a model that the provider does not have, with the nearest that it has', async () => {
    const mock = await serveMock();
    const env = `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\nLLM_MODEL=mock-unavailabel\n`;
    const directory = await copyProject('flask', env);
    expect(await readOnlyBad(directory)).toMatchObject({
      name: 'model',
      text: 'the provider does not have mock-unavailabel',
      details: ['mock-unavailabel: did you mean mock-unavailable?'],
    });
  });

  test.each([
    ['unauthorized', 'answered 401', 'look at OPENAI_API_KEY'],
    ['rate-limited', 'answered 429', 'The key works'],
    ['server-error', 'answered 500', 'try again later'],
    ['not-json', 'answered with something that is not JSON', 'usually ends in /v1'],
    ['reset-before', 'cannot be reached', 'Is OPENAI_BASE_URL right'],
  ] as const)('a provider that meets %s', async (fault, text, mend) => {
    const mock = await serveMock({ fault });
    const directory = await copyProject(
      'flask',
      `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`,
    );
    const finding = await readOnlyBad(directory);
    expect(finding?.name).toBe('key');
    expect(finding?.text).toContain(text);
    expect(finding?.mend).toContain(mend);
  });

  test('never show the key, nor a secret in the address', async () => {
    const url = await refuse(401);
    const env = `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${url}?secret=${KEY}\n`;
    const directory = await copyProject('flask', env);
    const finding = await readOnlyBad(directory);
    expect(finding?.text).toContain('Incorrect API key provided: Bearer …');
    expect((await runDoctor(directory)).stdout).not.toContain(KEY);
  });

  test('a key that may not list models may still answer: only asking would tell', async () => {
    const env = `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${await refuse(403)}\n`;
    const { code, checks } = await readReport(await copyProject('flask', env));
    expect(code).toBe(0);
    expect(checks.find(({ name }) => name === 'key')).toMatchObject({
      verdict: 'skipped',
      mend: expect.stringContaining('generate --direct Hello'),
    });
  });

  test('a provider that only the server reaches, through a proxy, is not judged', async () => {
    const nobody = `http://127.0.0.1:${await findFreePort()}`;
    const env = `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${nobody}/v1\n`;
    const directory = await copyProject('flask', env);
    expect((await find('key', directory))?.verdict).toBe('bad');
    const behind = await find('key', directory, { HTTP_PROXY: 'http://127.0.0.1:9' });
    expect(behind?.verdict).toBe('skipped');
    expect(behind?.text).toMatch(/cannot be reached .*: this asked without the proxy$/);
  });

  test('a key with a space in it is not sent anywhere', async () => {
    const mock = await serveMock();
    const directory = await copyProject(
      'flask',
      `OPENAI_API_KEY="${KEY} x"\nOPENAI_BASE_URL=${mock.url}\n`,
    );
    const finding = (await readReport(directory)).checks.find(({ name }) => name === 'key');
    expect(finding?.text).toBe('The one in .env has characters that no key has');
    expect(mock.requests).toEqual([]);
  });

  describe('that nobody answers', () => {
    async function startWaiting() {
      const mock = await serveMock({ fault: 'hang' });
      const directory = await copyProject(
        'flask',
        `OPENAI_API_KEY=${KEY}\nOPENAI_BASE_URL=${mock.url}\n`,
      );
      const doctor = startTool(['doctor'], { cwd: directory, env: NO_PROXIES });
      await doctor.waitFor('Looking at key, model …');
      return doctor;
    }

    test('are waited for for a few seconds, which is said after the first', async () => {
      const { code, stdout } = await (await startWaiting()).ended;
      expect(code).toBe(1);
      expect(stdout).toContain('did not answer within 5 s\n');
    });

    test('are not waited for after Ctrl-C', async () => {
      const doctor = await startWaiting();
      doctor.signal('SIGINT');
      expect(await doctor.ended).toMatchObject({ code: 130, stdout: '' });
    });
  });
});

test('a proxy is told, and a SOCKS proxy that keeps the server from starting is bad', async () => {
  const directory = await copyProject('flask');
  const https = await find('proxy', directory, { HTTPS_PROXY: 'http://me:secret@10.0.0.1:3128' });
  expect(https).toMatchObject({
    verdict: 'good',
    text: 'api.openai.com is called through http://…@10.0.0.1:3128',
  });
  const socks = await readOnlyBad(directory, { ALL_PROXY: 'socks5://127.0.0.1:9' });
  expect(socks?.name).toBe('proxy');
});
