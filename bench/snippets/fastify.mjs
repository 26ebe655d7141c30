// The listing that people copy: Fastify and the OpenAI SDK, both with their defaults.
//   npm install fastify openai && node fastify.mjs
import { Readable } from 'node:stream';
import Fastify from 'fastify';
import OpenAI from 'openai';

const app = Fastify({ logger: true });
const client = new OpenAI();

async function* streamEvents(messages) {
  const stream = await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true });
  for await (const chunk of stream) yield `data: ${JSON.stringify(chunk)}\n\n`;
  yield 'data: [DONE]\n\n';
}

app.post('/generate', async (request, reply) => {
  const { prompt, stream } = request.body;
  const messages = [{ role: 'user', content: prompt }];
  if (stream) {
    return reply.type('text/event-stream').send(Readable.from(streamEvents(messages)));
  }
  const completion = await client.chat.completions.create({ model: 'gpt-4o', messages });
  return { text: completion.choices[0].message.content };
});

await app.listen({ port: Number(process.env.PORT ?? 8000) });
