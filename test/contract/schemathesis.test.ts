import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS, cleanEnvironment } from './environment.ts';
import { runProgram } from './program.ts';
import { installPythonTools } from './python-tools.ts';

/** Its versions, and those of all that it needs. */
const REQUIREMENTS = fileURLToPath(new URL('schemathesis.txt', import.meta.url));
/** Seconds that it may go on making up requests. */
const TIME = 20;
const MINUTES = 60_000;

/** Requests made up from /openapi.json, right ones and wrong ones, and whether the answers are in it. */
describeServers(
  'answers as /openapi.json says',
  {
    layout: 'async',
    command: 'own',
    env: {
      API_KEYS: CALLER_KEYS[0],
      ALLOWED_MODELS: '',
      MAX_BODY_BYTES: '',
      RATE_LIMIT: '1000000/minute',
      LOG_LEVEL: 'error',
    },
  },
  (api) => {
    let schemathesis: string;
    beforeAll(async () => {
      schemathesis = join(await installPythonTools(REQUIREMENTS), 'schemathesis');
    }, 3 * MINUTES);

    test('whatever schemathesis makes up', { timeout: 3 * MINUTES }, async ({ onTestFinished }) => {
      const folder = await mkdtemp(join(tmpdir(), 'schemathesis-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const report = join(folder, 'report.json');
      const { Authorization: key } = bearer(CALLER_KEYS[0]);
      const description = join(folder, 'openapi.json');
      await writeFile(description, await readDescription(api));
      const argv = [schemathesis, 'run', description, '--url', api.url, '--no-color'];
      argv.push('--checks', 'all', '--max-time', String(TIME), '--continue-on-failure');
      argv.push('--header', `Authorization: ${key}`, '--output-sanitize', 'false');
      // The same requests in every run: a failure is one that can be looked at again.
      argv.push('--generation-deterministic', '--report', 'json', '--report-json-path', report);
      const { code, output } = await runProgram(argv, { cwd: folder, env: cleanEnvironment() });
      expect(code, output).toBe(0);
      const { test_cases: cases } = JSON.parse(await readFile(report, 'utf8'));
      process.stderr.write(
        `contract: ${api.stack}: schemathesis made ${cases.generated} cases up\n`,
      );
      expect(cases.generated).toBeGreaterThan(100);
    });
  },
);

/**
 * Without the schema of a stream's text: schemathesis takes it for that of each event. What a
 * stream says is held to the contract elsewhere, byte for byte.
 */
async function readDescription(api: Api): Promise<string> {
  const { text } = await api.send({ path: '/openapi.json' });
  const document = JSON.parse(text, (name, value) =>
    name === 'text/event-stream' ? { ...value, schema: undefined } : value,
  );
  return JSON.stringify(document);
}
