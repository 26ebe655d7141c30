// `npm start`: from a fresh clone to an answer. Makes ./my-llm-api unless it is there, then runs it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildTool, installDependencies, root, run } from './prepare.mjs';

const flags = process.argv.slice(2);
const project = join(root, 'my-llm-api');

installDependencies();
buildTool();
if (existsSync(join(project, '.llm-api', 'project.json'))) {
  const ignored = flags.length > 0 ? ` (${flags.join(' ')} is for a new one: remove it first)` : '';
  console.error(`Found ./my-llm-api, starting it${ignored}.`);
} else {
  // What no flag says is FastAPI by default.
  run(process.execPath, ['bin/create-llm-api.js', 'my-llm-api', '--yes', ...flags]);
  // --help or --dry-run: there is nothing to start.
  if (!existsSync(project)) process.exit(0);
}

const dev = spawn(process.execPath, ['bin/llm-api.js', 'dev', project, '--ask', 'Hello'], {
  cwd: root,
  stdio: 'inherit',
});
// Ctrl-C reaches both of us; this one stays until the server has stopped.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => dev.kill('SIGTERM'));
dev.on('exit', (code) => process.exit(code ?? 1));
