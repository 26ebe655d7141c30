import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binPath, plainEnvironment } from './cli.ts';

/** Runs `"$@"`, the program with these arguments, in a shell, for what only a shell can do to it. */
export async function runInShell(script: string, args: readonly string[]) {
  const argv = [process.execPath, binPath('llm-api'), ...args];
  const child = spawn('bash', ['-c', script, 'bash', ...argv], {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}
