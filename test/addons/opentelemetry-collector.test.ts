/** What a collector gets only if asked for, and what a server does without one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeProjects } from '../contract/describe.ts';
import { findLeaks, PROMPT } from '../contract/environment.ts';
import { generate, send } from '../contract/http.ts';
import { occupyPort, stopProgram } from '../contract/program.ts';
import { startCollector } from './otlp.ts';
import { bearer, caller, STACKS, startTraced } from './traced.ts';

const CALLER = caller('a');

describeProjects('prompts and answers in traces', STACKS, ({ directory }) => {
  test.each([false, true])('where somebody wants them (stream: %s)', async (stream) => {
    const flag = 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT';
    const { mock, collector, server } = await startTraced(directory, { [flag]: 'true' });
    const asked = { stream, system: 'Be brief.', max_tokens: 2 };
    await send(server.url, generate(asked, CALLER.headers));
    await stopProgram(server.program);
    await Promise.all([mock.close(), collector.close()]);
    const { attributes = {} } = collector.spans.find(({ kind }) => kind === 'client') ?? {};
    const part = (content: string) => [{ type: 'text', content }];
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'system', parts: part('Be brief.') },
      { role: 'user', parts: part(PROMPT) },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: part('Hello! This'), finish_reason: 'length' },
    ]);
    expect(findLeaks(server.program.output())).toEqual([]);
  });
});

describeProjects('a collector that is away', STACKS, ({ directory }) => {
  test.each(['refuses', 'is silent'])('and %s costs nothing', async (how) => {
    const silent = await startCollector(false);
    const refusing = await occupyPort();
    const { port } = refusing.address() as { port: number };
    const url = how === 'refuses' ? `http://127.0.0.1:${port}` : silent.url;
    const { mock, collector, server } = await startTraced(directory, {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      DRAIN_TIMEOUT: '20',
    });
    for (let count = 0; count < 20; count++) {
      const asked = Date.now();
      const answer = await send(server.url, generate({ stream: count % 2 === 1 }, bearer));
      expect(answer.status).toBe(200);
      expect(Date.now() - asked).toBeLessThan(1000);
    }
    expect(await stopProgram(server.program, 4), 'long before the time for a drain is over').toBe(
      0,
    );
    refusing.close();
    await Promise.all([mock.close(), collector.close(), silent.close()]);
  });
});

describeProjects('without a collector', STACKS, ({ directory }) => {
  test('a server needs none, and .env.example says where to name it', async () => {
    const { mock, collector, server } = await startTraced(directory, {
      OTEL_EXPORTER_OTLP_ENDPOINT: '',
    });
    expect((await send(server.url, generate({}, CALLER.headers))).status).toBe(200);
    await stopProgram(server.program);
    expect(collector.headers).toEqual([]);
    const example = await readFile(join(directory, '.env.example'), 'utf8');
    expect(example).toContain('\nOTEL_EXPORTER_OTLP_ENDPOINT=\n');
    await Promise.all([mock.close(), collector.close()]);
  });
});
