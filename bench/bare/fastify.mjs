// How fast Fastify can be in front of a model: no SDK, no plugins, no checks, bytes relayed.
//   npm install fastify undici && node fastify.mjs
import Fastify from 'fastify';
import { Pool } from 'undici';

const { origin, pathname } = new URL(process.env.OPENAI_BASE_URL);
const path = `${pathname}/chat/completions`;
const headers = {
  authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
  'content-type': 'application/json',
};
const pool = new Pool(origin);
const app = Fastify();

app.post('/generate', async (request, reply) => {
  const { prompt, stream } = request.body;
  const messages = [{ role: 'user', content: prompt }];
  const call = JSON.stringify({ model: 'gpt-4o', messages, stream });
  const { body } = await pool.request({ method: 'POST', path, headers, body: call });
  if (stream) return reply.type('text/event-stream').send(body);
  return reply.type('application/json').send(Buffer.from(await body.arrayBuffer()));
});

await app.listen({ port: Number(process.env.PORT ?? 8000) });
