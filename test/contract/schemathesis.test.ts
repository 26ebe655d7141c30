import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type Api, describeServers } from './describe.ts';
import { bearer, CALLER_KEYS, cleanEnvironment } from './environment.ts';
import { runProgram } from './program.ts';

/** Its versions, and those of all that it needs. */
const REQUIREMENTS = fileURLToPath(new URL('schemathesis.txt', import.meta.url));
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'create-llm-api');
const BIN = process.platform === 'win32' ? 'Scripts' : 'bin';
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
      installed ??= install();
      schemathesis = await installed;
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

/** Once for all servers of a run. */
let installed: Promise<string> | undefined;

/** Kept from one run to the next: it takes a while, and is of no project. */
async function install(): Promise<string> {
  const requirements = await readFile(REQUIREMENTS, 'utf8');
  const hash = createHash('sha256').update(requirements).digest('hex').slice(0, 16);
  const venv = join(CACHE, `schemathesis-${hash}`);
  const program = join(venv, BIN, 'schemathesis');
  if (await isThere(join(venv, 'whole'))) return program;
  await rm(venv, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  const python = process.platform === 'win32' ? 'python' : 'python3';
  await mustRun([python, '-m', 'venv', venv]);
  const pip = [join(venv, BIN, 'python'), '-m', 'pip', 'install', '--quiet', '--no-deps'];
  await mustRun([...pip, '--disable-pip-version-check', '-r', REQUIREMENTS]);
  await writeFile(join(venv, 'whole'), '');
  return program;
}

async function mustRun(argv: readonly string[]): Promise<void> {
  const { code, output } = await runProgram(argv, { cwd: tmpdir(), env: cleanEnvironment() });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${output}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
