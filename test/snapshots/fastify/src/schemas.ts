import { type Static, type TSchema, Type } from 'typebox';
import { allowedModels, type Settings } from './settings.js';

/** The body of POST /generate. It checks requests, documents them and types them. */
export const generateBody = (settings: Settings) =>
  Type.Object(
    {
      prompt: Type.String({
        minLength: 1,
        maxLength: settings.MAX_PROMPT_CHARS,
        pattern: '\\S',
        examples: ['Say hello.'],
      }),
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
    { additionalProperties: false },
  );
export type GenerateBody = Static<ReturnType<typeof generateBody>>;

/** Not checked, only told: a request id that is not valid is replaced, and no error. */
export const generateHeaders = Type.Object({
  'x-request-id': Type.Optional(
    Type.String({ description: '1 to 128 of letters, digits, `.`, `_`, `-`: taken as it is.' }),
  ),
});

const answer = Type.Object({
  text: Type.String(),
  model: Type.String(),
  finish_reason: Type.Union([Type.String(), Type.Null()], { examples: ['stop'] }),
  usage: Type.Union(
    [Type.Object({ input_tokens: Type.Integer(), output_tokens: Type.Integer() }), Type.Null()],
    { description: 'null where the model provider does not count.' },
  ),
});
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

const problemResponse = (description: string, headers?: Record<string, TSchema>) =>
  response(description, { 'application/problem+json': Type.Ref('Problem') }, headers);

const events = text(
  `Server-sent events: \`data:\` lines that hold one JSON object each. First \`{"text"}\` any
number of times, then \`{"finish_reason","model","usage"}\`, then \`[DONE]\`. A failure on the way is
\`{"error":{…problem…}}\`, and the stream ends without \`[DONE]\`. \`: ping\` comments keep a silent
connection open.`,
);

export const generateResponses = {
  200: response(
    'The answer, or with "stream": true its pieces as they come.',
    { 'application/json': answer, 'text/event-stream': events },
    {
      'Cache-Control': text('no-cache, on a stream'),
      'X-Accel-Buffering': text('no, on a stream'),
    },
  ),
  400: problemResponse('invalid-json'),
  413: problemResponse('too-large: more than MAX_BODY_BYTES'),
  415: problemResponse('unsupported-media-type: not application/json'),
  422: problemResponse('invalid-request: `errors` names each field that is not valid'),
  429: problemResponse('upstream-rate-limited', {
    'Retry-After': text("The model provider's own, where it sent one."),
  }),
  500: problemResponse('internal-error'),
  502: problemResponse('upstream-misconfigured, upstream-failed or upstream-truncated'),
  504: problemResponse('upstream-timeout'),
};
