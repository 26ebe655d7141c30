import { type Static, Type } from 'typebox';
import type { Settings } from './settings.js';

/** The body of POST /generate. It checks requests, documents them and types them. */
export const generateRequest = (settings: Settings) =>
  Type.Object(
    {
      prompt: Type.String({
        minLength: 1,
        maxLength: settings.maxPromptChars,
        pattern: '\\S',
        examples: ['Say hello.'],
      }),
      system: Type.Optional(Type.String({ description: 'How the model should behave.' })),
      model: Type.Optional(
        Type.String({ enum: settings.allowedModels, description: `Default: ${settings.model}.` }),
      ),
      temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
      max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: settings.maxOutputTokens })),
      stream: Type.Optional(Type.Boolean({ default: false })),
    },
    { additionalProperties: false },
  );

export type GenerateRequest = Static<ReturnType<typeof generateRequest>>;

export const generateHeaders = Type.Object({
  'x-request-id': Type.Optional(
    Type.String({
      description: '1 to 128 of letters, digits and `.` `_` `-`; anything else is replaced.',
    }),
  ),
});

const usage = Type.Union(
  [Type.Object({ input_tokens: Type.Integer(), output_tokens: Type.Integer() }), Type.Null()],
  { description: 'null when the model provider does not count.' },
);

const end = {
  model: Type.String(),
  finish_reason: Type.Union([Type.String(), Type.Null()], { examples: ['stop'] }),
  usage,
};

export const answer = Type.Object({ text: Type.String(), ...end });
export type Answer = Static<typeof answer>;

const streamEvent = Type.Union([Type.Object({ text: Type.String() }), Type.Object(end)]);
export type StreamEvent = Static<typeof streamEvent>;

/** Shared by $ref: every error, whatever its status. */
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

const requestIdHeader = {
  'X-Request-Id': Type.String({ description: "The caller's own where it was valid, else made." }),
};

/** Describes one status: what it means, its headers, and its body by media type. */
export function response(
  description: string,
  content: Readonly<Record<string, object>>,
  headers: Readonly<Record<string, object>> = {},
) {
  return {
    description,
    headers: { ...requestIdHeader, ...headers },
    content: Object.fromEntries(
      Object.entries(content).map(([mediaType, schema]) => [mediaType, { schema }]),
    ),
  };
}

export function problemResponse(description: string, headers: Record<string, object> = {}) {
  const content = { 'application/problem+json': Type.Ref('Problem') };
  return response(description, content, headers);
}

const SSE_EXAMPLE = `data: {"text":"Hel"}

data: {"text":"lo"}

data: {"finish_reason":"stop","model":"…","usage":{"input_tokens":9,"output_tokens":2}}

data: [DONE]

`;

export const generateResponses = {
  200: response(
    'The answer; with "stream": true its pieces as they come.',
    {
      'application/json': answer,
      'text/event-stream': Type.String({
        description: [
          'Server-sent events. Each is a `data:` line with one JSON object:',
          '`{"text"}` any number of times, then `{"finish_reason","model","usage"}`, then `[DONE]`.',
          'A failure in mid-stream is `{"error":{…problem…}}`, after which the stream ends without',
          '`[DONE]`. `: ping` comments keep a silent connection open.',
        ].join('\n'),
        examples: [SSE_EXAMPLE],
      }),
    },
    {
      'Cache-Control': Type.String({ description: 'no-cache, on a stream.' }),
      'X-Accel-Buffering': Type.String({ description: 'no, on a stream.' }),
    },
  ),
  400: problemResponse('invalid-json: the body is not JSON.'),
  413: problemResponse('too-large: the body is larger than MAX_BODY_BYTES.'),
  415: problemResponse('unsupported-media-type: the content type is not application/json.'),
  422: problemResponse('invalid-request: `errors` names each field that is not valid.'),
  429: problemResponse('upstream-rate-limited: the model provider limits this server.', {
    'Retry-After': Type.String({ description: "The model provider's own, where it sent one." }),
  }),
  500: problemResponse('internal-error: a bug in this server.'),
  502: problemResponse('upstream-misconfigured, upstream-failed or upstream-truncated.'),
  504: problemResponse('upstream-timeout: no complete answer in time.'),
};
