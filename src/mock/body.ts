import type { IncomingMessage } from 'node:http';

export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Reads all of a request's body, but keeps no more of it than it may have. */
export function readText(
  request: IncomingMessage,
  next: (text: string, size: number) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  request.on('end', () =>
    next((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))?.toString() ?? '', size),
  );
}
