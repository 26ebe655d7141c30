import { type Static, type TSchema, Type } from 'typebox';
import { PROBLEMS } from './problems.js';
import { allowedModels, type Settings } from './settings.js';

const text = (description: string) => Type.String({ description });

/** The body of POST /generate. It checks requests, documents them and types them. */
export function generateBody(settings: Settings) {
  const models = { enum: allowedModels(settings), default: settings.LLM_MODEL };
  const fields = {
    prompt: Type.String({ minLength: 1, maxLength: settings.MAX_PROMPT_CHARS, pattern: '\\S' }),
    system: Type.Optional(text('How the model should behave.')),
    model: Type.Optional(Type.String(models)),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
    max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: settings.MAX_OUTPUT_TOKENS })),
    stream: Type.Optional(Type.Boolean({ default: false })),
  };
  const examples = [{ prompt: 'Say hello.' }, { prompt: 'Say hello.', stream: true }];
  return Type.Object(fields, { additionalProperties: false, examples });
}
export type GenerateBody = Static<ReturnType<typeof generateBody>>;

const usage = { input_tokens: 9, output_tokens: 2 };
const end = { finish_reason: 'stop', model: 'gpt-4o', usage };
const answer = Type.Object(
  {
    text: Type.String(),
    model: Type.String(),
    finish_reason: Type.Union([Type.String(), Type.Null()]),
    usage: Type.Union([
      Type.Object({ input_tokens: Type.Integer(), output_tokens: Type.Integer() }),
      Type.Null(),
    ]),
  },
  { examples: [{ text: 'Hello!', ...end }] },
);
export type Answer = Static<typeof answer>;
export type StreamEvent = Pick<Answer, 'text'> | Omit<Answer, 'text'>;

const data = [{ text: 'Hello' }, { text: '!' }, end].map((event) => JSON.stringify(event));
const events = Type.String({
  description: `Server-sent events of one JSON object each: \`{"text"}\` any number of times, then
\`{"finish_reason","model","usage"}\`, then \`[DONE]\`. A failure on the way is \`{"error":{…problem…}}\`,
and the stream ends without \`[DONE]\`. \`: ping\` comments keep a silent connection open.`,
  examples: [[...data, '[DONE]'].map((line) => `data: ${line}\n\n`).join('')],
});

/** Every error, whatever its status. Routes refer to it by its $id. */
export const problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', examples: ['/problems/invalid-request'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    request_id: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() })),
    ),
  },
  { $id: 'Problem' },
);

/** Describes one status: what it means, its body by media type, its headers. */
export function response(
  description: string,
  bodies: Record<string, TSchema>,
  headers: Record<string, TSchema> = {},
) {
  const content = Object.entries(bodies).map(([type, schema]) => [type, { schema }]);
  return {
    description,
    headers: { 'X-Request-Id': text("The caller's own where valid, else made."), ...headers },
    content: Object.fromEntries(content),
  };
}

const LIMIT = {
  RateLimit: text('What is left (`r`), and the seconds until all is there again (`t`).'),
  'RateLimit-Policy': text('How many requests (`q`) are allowed in how many seconds (`w`).'),
};
const WAIT = { 'Retry-After': text('Seconds, or a date of the model provider.') };
const HEADERS: Record<number, Record<string, TSchema>> = {
  401: { 'WWW-Authenticate': text('Bearer') },
  429: { ...WAIT, ...LIMIT },
  503: { ...WAIT, ...LIMIT },
};

/** The statuses that are problems, each with the names of those that it may be. */
export function problemResponses(...statuses: number[]) {
  const rows = Object.entries(PROBLEMS);
  const describe = (status: number) => {
    const found = rows.filter(([, [code]]) => code === status);
    const names = found.map(([slug, [, title]]) => `${slug}: ${title}.`).join(' ');
    const body = { 'application/problem+json': Type.Ref('Problem') };
    return [status, response(names, body, HEADERS[status] ?? LIMIT)];
  };
  return Object.fromEntries(statuses.map(describe));
}

export const generateResponses = {
  200: response(
    'The answer, or with "stream": true its pieces as they come.',
    { 'application/json': answer, 'text/event-stream': events },
    { 'Cache-Control': text('no-store; no-cache on a stream.'), ...LIMIT },
  ),
  ...problemResponses(400, 401, 413, 415, 422, 429, 500, 502, 503, 504),
};
