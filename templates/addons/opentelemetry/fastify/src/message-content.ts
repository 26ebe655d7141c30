import type { Reader } from './upstream.js';

// What was asked and said, for those who want it in their traces.

export interface Message {
  readonly role?: string;
  readonly content?: unknown;
}

export function renderMessages(messages: readonly Message[]): string {
  return JSON.stringify(
    messages.map(({ role, content }) => {
      const parts = Array.isArray(content) ? content : [{ text: content }];
      const texts = parts.flatMap((part) => (typeof part?.text === 'string' ? [part.text] : []));
      return { role, parts: texts.map((text) => ({ type: 'text', content: text })) };
    }),
  );
}

/** Of what the provider sent, whole or as a stream. What was cut off in the middle is left out. */
export function renderAnswer(sent: string, finish_reason: string | null): string {
  const documents = sent.startsWith('{') ? [sent] : sent.match(/(?<=^data:).*/gm);
  const content = (documents ?? []).map((document) => {
    try {
      const { message, delta } = JSON.parse(document).choices[0];
      return (message ?? delta).content ?? '';
    } catch {
      return '';
    }
  });
  const parts = [{ type: 'text', content: content.join('') }];
  return JSON.stringify([{ role: 'assistant', parts, finish_reason }]);
}

/** Readers that are listened to; of several tries, the last. */
export function listen<T>(createReader: () => Reader<T>) {
  let chunks: Buffer[] = [];
  return {
    read: () => Buffer.concat(chunks).toString(),
    createReader(): Reader<T> {
      const reader = createReader();
      chunks = [];
      return {
        read(bytes, resume) {
          chunks.push(bytes);
          return reader.read(bytes, resume);
        },
        end: () => reader.end(),
      };
    },
  };
}
