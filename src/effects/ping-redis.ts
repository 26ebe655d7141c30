import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisAddress, RedisAnswer } from '../core/doctor-redis.ts';

const TIMEOUT = 2000;

/**
 * Asks a Redis whether it is there, in its own protocol (RESP 2): one question needs no client.
 * Of an error only its first word is told: the rest may repeat what was sent.
 */
export function pingRedis(address: RedisAddress, signal: AbortSignal): Promise<RedisAnswer> {
  const { host, port, greeting } = address;
  return new Promise((resolve) => {
    const socket: Socket = address.tls
      ? connectTls({ host, port, servername: host })
      : connectTcp({ host, port });
    const end = (answer: RedisAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    const fail = (code: string): void => end({ kind: 'error', code });
    let received = '';
    socket.setTimeout(TIMEOUT, () => fail('ETIMEDOUT'));
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => fail(code ?? message));
    socket.on('close', () => fail('closed'));
    signal.addEventListener('abort', () => fail('ABORT_ERR'), { once: true });
    socket.on('data', (bytes) => {
      received += bytes.toString();
      const lines = received.split('\r\n').slice(0, -1);
      const refusal = lines.find((line) => !line.startsWith('+'));
      if (refusal !== undefined) fail(/^-([A-Z]+)/.exec(refusal)?.[1] ?? 'no Redis');
      else if (lines.length >= greeting.length) end({ kind: 'reply', text: lines.at(-1) ?? '' });
    });
    socket.write(greeting.map(encode).join(''));
  });
}

function encode(argv: readonly string[]): string {
  const words = argv.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${argv.length}\r\n${words.join('')}`;
}
