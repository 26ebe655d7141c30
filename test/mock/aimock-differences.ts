import type { Response } from 'openai/resources/responses/responses';
import { chat } from './ask.ts';

/** What is asked of both, by name. */
export const REQUESTS = [
  { name: 'chat', path: '/chat/completions', body: chat() },
  { name: 'chat stream', path: '/chat/completions', body: chat({ stream: true }) },
  {
    name: 'chat stream with usage',
    path: '/chat/completions',
    body: chat({ stream: true, stream_options: { include_usage: true } }),
  },
  { name: 'response', path: '/responses', body: { model: 'x', input: 'y' } },
  { name: 'response stream', path: '/responses', body: { model: 'x', input: 'y', stream: true } },
  { name: 'embedding', path: '/embeddings', body: { model: 'x', input: 'y' } },
  { name: 'models', path: '/models', body: undefined },
  { name: 'malformed body', path: '/chat/completions', body: '{' },
  { name: 'no messages', path: '/chat/completions', body: { model: 'x' } },
  { name: 'unknown route', path: '/nope', body: {} },
] as const;

interface Explained {
  /** The names of the requests. */
  readonly at: readonly string[];
  /** The differences: `+` only our mock has it, `-` only aimock has it. */
  readonly lines: RegExp;
  readonly why: string;
}

/** Typed, so that the compiler says that they are members of OpenAI's response at all. */
const RESPONSE: readonly (keyof Response)[] = [
  'background',
  'completed_at',
  'error',
  'incomplete_details',
  'instructions',
  'max_output_tokens',
  'metadata',
  'parallel_tool_calls',
  'previous_response_id',
  'reasoning',
  'service_tier',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
];
const CHATS = ['chat', 'chat stream', 'chat stream with usage'];
const RESPONSES = ['response', 'response stream'];

export const EXPLAINED: readonly Explained[] = [
  {
    at: CHATS,
    lines: /^\+ (service_tier|system_fingerprint): string$/,
    why: "in OpenAI's answers and its client's types; aimock has them only if a fixture says so",
  },
  {
    at: ['chat'],
    lines: /^\+ choices\[\]\.message\.annotations: \[\]$/,
    why: 'OpenAI sends an empty list where nothing was cited; aimock leaves it out',
  },
  {
    at: ['chat stream', 'chat stream with usage'],
    lines: /^\+ choices\[\]\.delta\.refusal: null$/,
    why: "in OpenAI's first chunk, as in its plain message; aimock has it in the message only",
  },
  {
    at: ['chat', 'chat stream with usage'],
    lines: /^\+ usage\.(prompt|completion)_tokens_details\./,
    why: 'OpenAI breaks its counts down, and callers read that; aimock gives the sums only',
  },
  {
    at: ['chat stream with usage'],
    lines: /^\+ usage: null$/,
    why: "OpenAI's API reference: with include_usage all other chunks have the member, as null",
  },
  {
    at: RESPONSES,
    lines: new RegExp(`^\\+ (response\\.\\w+ response\\.)?(${RESPONSE.join('|')})\\b[^ ]*: `),
    why: "members of OpenAI's response, most of them required by its client's types",
  },
  {
    at: RESPONSES,
    lines: /^\+ (response\.\w+ response\.)?(store|max_tool_calls): /,
    why: "in OpenAI's answers, though not in its client's types",
  },
  {
    at: RESPONSES,
    lines: /^\+ .*usage\.(input|output)_tokens_details\./,
    why: "required by the client's types; aimock gives the sums only",
  },
  {
    at: RESPONSES,
    lines: /^\+ (.*[. ])?logprobs: \[\]$/,
    why: "required by the client's types in text events, and sent in parts; aimock leaves it out",
  },
  {
    at: ['response stream'],
    lines: /^\+ response\.\S+ sequence_number: number$/,
    why: "required by the client's types in every event; aimock does not number them",
  },
  {
    at: ['response stream'],
    lines: /^\+ response\.(created|in_progress) response\.usage: null$/,
    why: 'OpenAI sends the whole response from the first event on, usage still null',
  },
  {
    at: ['malformed body', 'no messages'],
    lines: /^[+-] error\.(param|code): \w+$/,
    why: 'which parameter, and a code, as OpenAI says: aimock has null for one, its own for another',
  },
  {
    at: ['unknown route'],
    lines: /^\+ error\.(param|code): null$/,
    why: 'every OpenAI error has its four members; aimock has two here',
  },
];
