/**
 * A second opinion: the same requests go to our mock and to @copilotkit/aimock, and each
 * difference in the shape of the answers has its reason in a table.
 */
import { LLMock } from '@copilotkit/aimock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { EXPLAINED, REQUESTS } from './aimock-differences.ts';
import { ask, readEvents } from './ask.ts';
import { collapse, describeShape, diffShapes, unique } from './shapes.ts';

const aimock = new LLMock({ port: 0, logLevel: 'silent' });
let mock: Mock;

beforeAll(async () => {
  aimock.onMessage(/.*/, { content: 'Some words that are long enough for a few chunks of them.' });
  aimock.onEmbedding(/.*/, { embedding: [0.6, 0.8] });
  await aimock.start();
  mock = await startMock();
});
afterAll(() => Promise.all([aimock.stop(), mock.close()]));

describe.each(REQUESTS)('$name', ({ name, path, body }) => {
  const send = async () =>
    Promise.all([ask(mock, path, body), ask({ url: `${aimock.url}/v1` }, path, body)]);

  test('status and shape differ only where there is a reason', async () => {
    const [ours, theirs] = await send();
    expect(ours.status).toBe(theirs.status);
    const differences = diffShapes(describeText(ours.text), describeText(theirs.text));
    const explained = EXPLAINED.filter(({ at }) => at.includes(name));
    const isIn = (line: string) => explained.some(({ lines }) => lines.test(line));
    expect(
      differences.filter((line) => !isIn(line)),
      'unexplained',
    ).toEqual([]);
    const idle = explained.filter(({ lines }) => !differences.some((line) => lines.test(line)));
    expect(idle, 'explains nothing').toEqual([]);
  });

  test('events come in the same order', async () => {
    const [ours, theirs] = await send();
    expect(nameEvents(ours.text)).toEqual(nameEvents(theirs.text));
  });
});

/** The shape of a body, or of each kind of event in a stream. */
function describeText(text: string): string[] {
  if (!text.startsWith('data: ') && !text.startsWith('event: ')) {
    return describeShape(JSON.parse(text));
  }
  return unique(
    readEvents(text).flatMap((event) =>
      describeShape(event).map((line) => (event.type ? `${event.type} ${line}` : line)),
    ),
  );
}

function nameEvents(text: string): string[] {
  return collapse(readEvents(text).map(nameEvent));
}

function nameEvent(event: ReturnType<typeof readEvents>[number]): string {
  if (typeof event === 'string') return event;
  if (event.type) return event.type;
  const [choice] = event.choices;
  if (!choice) return 'usage';
  return choice.finish_reason ? 'finish' : (Object.keys(choice.delta)[0] ?? 'empty');
}
