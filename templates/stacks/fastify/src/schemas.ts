import { type Static, type TSchema, Type } from 'typebox';
import { PROBLEMS } from './problems.js';
import { allowedModels, type Settings } from './settings.js';

/** The body of POST /generate. It checks requests, documents them and types them. */
export const generateBody = (settings: Settings) =>
  Type.Object(
    {
      prompt: Type.String({ minLength: 1, maxLength: settings.MAX_PROMPT_CHARS, pattern: '\\S' }),
      system: Type.Optional(Type.String({ description: 'How the model should behave.' })),
      model: Type.Optional(
        Type.String({
          enum: allowedModels(settings),
          description: `Without it: ${settings.LLM_MODEL}.`,
        }),
      ),
      temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
      max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: settings.MAX_OUTPUT_TOKENS })),
      stream: Type.Optional(Type.Boolean({ default: false })),
    },
    {
      additionalProperties: false,
      examples: [{ prompt: 'Say hello.' }, { prompt: 'Say hello.', stream: true }],
    },
  );
export type GenerateBody = Static<ReturnType<typeof generateBody>>;

/** Not checked, only told: a request id that is not valid is replaced, and no error. */
export const generateHeaders = Type.Object({
  'x-request-id': Type.Optional(
    Type.String({ description: '1 to 128 of letters, digits, `.`, `_`, `-`: taken as it is.' }),
  ),
});

const answer = Type.Object(
  {
    text: Type.String(),
    model: Type.String(),
    finish_reason: Type.Union([Type.String(), Type.Null()]),
    usage: Type.Union(
      [Type.Object({ input_tokens: Type.Integer(), output_tokens: Type.Integer() }), Type.Null()],
      { description: 'null where the model provider does not count.' },
    ),
  },
  {
    examples: [
      {
        text: 'Hello!',
        model: 'gpt-4o',
        finish_reason: 'stop',
        usage: { input_tokens: 9, output_tokens: 2 },
      },
    ],
  },
);
export type Answer = Static<typeof answer>;
export type StreamEvent = Pick<Answer, 'text'> | Omit<Answer, 'text'>;

/** Every error, whatever its status. Routes refer to it by its $id. */
export const problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', examples: ['/problems/invalid-request'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    request_id: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
        description: 'Only with 422.',
      }),
    ),
  },
  { $id: 'Problem' },
);

const text = (description: string) => Type.String({ description });

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
export function problemResponses(statuses: readonly number[], headers = {}) {
  const rows = Object.entries(PROBLEMS);
  const describe = (status: number) =>
    response(
      rows
        .flatMap(([slug, [code, title]]) => (code === status ? `${slug}: ${title}.` : []))
        .join(' '),
      { 'application/problem+json': Type.Ref('Problem') },
      HEADERS[status] ?? headers,
    );
  return Object.fromEntries(statuses.map((status) => [status, describe(status)]));
}

const events = Type.String({
  description: `Server-sent events: \`data:\` lines that hold one JSON object each. First \`{"text"}\` any
number of times, then \`{"finish_reason","model","usage"}\`, then \`[DONE]\`. A failure on the way is
\`{"error":{…problem…}}\`, and the stream ends without \`[DONE]\`. \`: ping\` comments keep a silent
connection open.`,
  examples: [
    'data: {"text":"Hello"}\n\ndata: {"text":"!"}\n\ndata: {"finish_reason":"stop",' +
      '"model":"gpt-4o","usage":{"input_tokens":9,"output_tokens":2}}\n\ndata: [DONE]\n\n',
  ],
});

export const generateResponses = {
  200: response(
    'The answer, or with "stream": true its pieces as they come.',
    { 'application/json': answer, 'text/event-stream': events },
    {
      'Cache-Control': text('no-store; no-cache on a stream.'),
      'X-Accel-Buffering': text('no, on a stream.'),
      ...LIMIT,
    },
  ),
  ...problemResponses([400, 401, 413, 415, 422, 429, 500, 502, 503, 504], LIMIT),
};
