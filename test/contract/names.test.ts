import { mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startMock } from '../../src/mock/index.ts';
import { binPath } from '../harness/cli.ts';
import { describeProjects } from './describe.ts';
import { cleanEnvironment, KEY } from './environment.ts';
import { generate, send } from './http.ts';
import { findCommand } from './own.ts';
import { runProgram } from './program.ts';
import { startServer } from './server.ts';

/** Accepted by create, and what a path, a shell, a format or a parser could trip over. */
const NASTY: readonly { readonly name: string; readonly model: string; readonly path: string }[] = [
  { name: "it's & (b) [c] {d}", model: 'ft:a/b@c+d-e.f_g', path: "/it's/v1" },
  { name: 'é日本😀 ;,=!@^~+', model: `${'m'.repeat(127)}/`, path: '/%22%3C%25=/v1' },
];

describeProjects('whatever it is called', {}, ({ stack, directory }) => {
  test.for(NASTY)(
    '$name starts, answers, and passes its own tests',
    { timeout: 120_000 },
    // Stacks run side by side: only the context's own hook knows whose end it is.
    async (typed, { onTestFinished }) => {
      const mock = await startMock();
      onTestFinished(() => mock.close());
      const folder = await realpath(await mkdtemp(join(tmpdir(), 'contract-name-')));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const project = join(folder, typed.name);
      const made = await runProgram(
        [
          process.execPath,
          binPath('create-llm-api'),
          project,
          ...['--template', stack, '--model', typed.model, '--no-install', '--no-git'],
          ...['--base-url', `http://127.0.0.1:${mock.port}${typed.path}`],
        ],
        { cwd: folder, env: cleanEnvironment() },
      );
      expect(made.code, made.output).toBe(0);
      expect(await readdir(folder)).toEqual([typed.name]);
      // What is installed is the same for every name.
      const installed = stack === 'fastapi' || stack === 'flask' ? '.venv' : 'node_modules';
      await symlink(join(directory, installed), join(project, installed));

      // Its own URL is in its code, and read there by its own tests; the mock is at another path.
      const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: mock.url };
      const server = await startServer({ directory: project, command: 'dev', env });
      const { status } = await send(server.url, generate());
      await server.stop();
      expect(status).toBe(200);
      expect(mock.requests.at(-1)?.body).toMatchObject({ model: typed.model });

      const own = await runProgram(await findCommand(project, 'test'), {
        cwd: project,
        env: cleanEnvironment(),
      });
      expect(own.code, own.output).toBe(0);
    },
  );
});
