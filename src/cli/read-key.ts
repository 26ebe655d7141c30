import { addAbortSignal } from 'node:stream';
import { openErrorOutput } from './print.ts';
import { showIfSlow } from './progress.ts';

/**
 * The key on standard input: all of it, or one line where a person types it.
 * @throws the signal's reason, when that comes first
 */
export async function readKeyFromInput(signal: AbortSignal): Promise<string> {
  // Whoever waits for an input that nobody ends keeps the process alive: the signal closes it.
  addAbortSignal(signal, process.stdin);
  const reading = readText(process.stdin);
  try {
    if (!process.stdin.isTTY) {
      return await showIfSlow(() => 'Waiting for the key on standard input', reading);
    }
    openErrorOutput().write('Waiting for the key: paste it here and press Enter.\n');
    return await reading;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function readText(input: typeof process.stdin): Promise<string> {
  let text = '';
  for await (const piece of input.setEncoding('utf8')) {
    text += piece;
    if (input.isTTY && text.includes('\n')) break;
  }
  return text.trim();
}
