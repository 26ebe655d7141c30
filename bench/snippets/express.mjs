// The listing that people copy: Express and the OpenAI SDK, both with their defaults.
//   npm install express openai && node express.mjs
import express from 'express';
import OpenAI from 'openai';

const app = express();
const client = new OpenAI();

app.use(express.json());

app.post('/generate', async (req, res) => {
  const completion = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: req.body.prompt }],
  });
  res.json({ text: completion.choices[0].message.content });
});

app.listen(process.env.PORT ?? 8000);
