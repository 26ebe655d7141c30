// `npm start`: from a fresh clone to an answer. Makes ./my-llm-api unless it is there, and runs it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildTool, installDependencies, root } from './prepare.mjs';

const flags = process.argv.slice(2);
const project = join(root, 'my-llm-api');

installDependencies();
buildTool();
const tool = spawn(process.execPath, ['bin/llm-api.js', ...chooseCommand()], {
  cwd: root,
  stdio: 'inherit',
});
// Ctrl-C reaches both of us; this one stays until the server has stopped.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => tool.kill('SIGTERM'));
tool.on('exit', (code) => process.exit(code ?? 1));

/** Either ends in a server that is asked "Hello" and stays up. */
function chooseCommand() {
  if (existsSync(join(project, '.llm-api', 'project.json'))) {
    console.error('Found ./my-llm-api, starting it.');
    if (flags.length > 0) {
      const given = flags.join(' ');
      console.error(
        `Ignored: ${given}. For a new project, delete ./my-llm-api and run this again.`,
      );
    }
    return ['dev', project, '--ask', 'Hello'];
  }
  // What no flag says is FastAPI by default. A dry run leaves nothing to start.
  const run = flags.some((flag) => ['--dry-run', '--json'].includes(flag)) ? [] : ['--run'];
  return ['create', 'my-llm-api', '--yes', ...run, ...flags];
}
