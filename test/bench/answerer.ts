import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that answers each request as it is told, byte for byte. @returns its URL */
export async function startAnswerer(
  answer: (socket: Socket, request: string, nth: number) => void,
): Promise<URL> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (data) => {
      text += data;
      const [head = '', body] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      if (body === undefined || Buffer.byteLength(body) < length) return;
      const request = text;
      text = '';
      answer(socket, request, count++);
    });
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return new URL(`http://127.0.0.1:${port}/generate`);
}

export const HELLO = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const STREAM_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n';

/** A stream whose end is the connection's end. */
export function eventStream(...data: readonly string[]): string {
  return `${STREAM_HEAD}\r\n${data.map((one) => `data: ${one}\n\n`).join('')}`;
}
