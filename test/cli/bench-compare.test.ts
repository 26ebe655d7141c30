import { readdir, readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder, ROOT, runCli } from '../harness/cli.ts';
import { writeProgram } from '../harness/fake-project.ts';
import { startTool } from '../harness/running.ts';

/** An npm that installs no packages, but a server that answers without an upstream. */
const FAKE_NPM = `
const { chmodSync, cpSync, mkdirSync, writeFileSync } = require('node:fs');
mkdirSync('node_modules/.bin', { recursive: true });
writeFileSync('node_modules/.bin/tsc', '#!/bin/sh\\n');
chmodSync('node_modules/.bin/tsc', 0o755);
mkdirSync('dist');
writeFileSync('dist/package.json', '{"type":"commonjs"}');
cpSync(${JSON.stringify(join(ROOT, 'test/harness/fake-server.cjs'))}, 'dist/server.js');
`;

/** A PATH with that npm first, and a folder for temporary files that can be looked into. */
async function makeSurroundings(npm = FAKE_NPM) {
  const folder = await makeFolder();
  await writeProgram(join(folder, 'bin/npm'), npm);
  const temporary = await makeFolder();
  const path = [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  return { env: { PATH: path, TMPDIR: temporary }, temporary };
}

const QUICK = ['--connections', '1,2', '--ttft', '0,20', '--duration', '0.2', '--warmup', '0'];

test('makes each stack, measures it under every load, concludes, and removes it', async () => {
  const { env, temporary } = await makeSurroundings();
  const page = join(await makeFolder(), 'report.html');
  const args = ['bench', '--compare', 'fastify,express', ...QUICK, '--json', '--html', page];
  const { code, stdout, stderr } = await runCli('llm-api', args, { env });
  expect(code).toBe(0);
  expect(stderr).toContain('This takes about 1 minute.\n');
  expect(stderr).toContain('Making and installing the express project …');
  const { cells, mockAlone, ...found } = JSON.parse(stdout);
  expect(found).toMatchObject({
    ok: true,
    stacks: [{ title: 'Fastify' }, { title: 'Express' }],
    upstreams: [0, 20],
    connections: [1, 2],
    // Which of the two it names depends on how fast they were just now.
    conclusion: expect.arrayContaining([expect.stringMatching(/Fastify|Express/)]),
  });
  expect(cells).toHaveLength(8);
  expect(mockAlone).toHaveLength(4);
  for (const { requestsPerSecond } of cells) expect(requestsPerSecond).toBeGreaterThan(0);
  expect(await readFile(page, 'utf8')).toContain('Which layout do I need? Fastify and Express');
  expect(await readdir(temporary)).toEqual([]);
});

test('Ctrl-C leaves nothing behind', async () => {
  const { env, temporary } = await makeSurroundings();
  const args = ['bench', '--compare', 'fastify,express', '--duration', '60'];
  const running = startTool(args, { cwd: ROOT, env });
  await running.waitFor('The mock alone …');
  running.signal('SIGINT');
  expect((await running.ended).code).toBe(130);
  expect(await readdir(temporary)).toEqual([]);
});

test('a stack that cannot be installed is an error, and leaves nothing', async () => {
  const { env, temporary } = await makeSurroundings("console.log('no network'); process.exit(1)");
  const { code, stderr } = await runCli('llm-api', ['bench', '--compare', 'fastify,express'], {
    env,
  });
  expect(code).toBe(1);
  expect(stderr).toContain('The fastify project could not be made');
  expect(stderr).toContain('no network');
  expect(await readdir(temporary)).toEqual([]);
});

test.each([
  [['--compare', 'async'], 'two or more different stacks'],
  [['--compare', 'async,fastapi'], 'two or more different stacks'],
  [['--compare', 'async,simpel'], 'Did you mean --compare simple?'],
  [['--compare', 'async,simple', '--stream'], '--stream cannot compare flask'],
  [['--compare', 'async,simple', '--rate', '5'], '--compare and --rate do not go together'],
  [['--compare', 'async,simple', 'http://127.0.0.1:1'], '--compare makes its own servers'],
  [['http://127.0.0.1:1', '--connections', '1,2'], 'takes a list with --compare only'],
])('%j is wrong usage', async (args, words) => {
  const { code, stderr } = await runCli('llm-api', ['bench', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});
