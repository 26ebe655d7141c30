import { type Answer, countTokens, writeAnswer, writeText } from './answer.ts';
import { ApiError } from './errors.ts';
import {
  type Fields,
  readBoolean,
  readFields,
  readInteger,
  readList,
  readModel,
  readNumber,
  readText,
} from './read.ts';
import type { EventTexts, Reply, Stamp } from './reply.ts';
import type { ApiErrorBody } from './spoil.ts';
import { chooseTool, countToolTokens, type ToolCall } from './tools.ts';

/** `POST /v1/chat/completions`. JSON is put together by hand: this is what load tests lean on. */
export function answerChat(body: unknown, stamp: Stamp): Reply {
  const fields = readFields(body);
  const model = readModel(fields);
  const { prompt, inputTokens, lastRole } = readMessages(fields);
  const limit = readInteger(fields, 'max_completion_tokens', 1);
  const cap = limit ?? readInteger(fields, 'max_tokens', 1);
  const call = chooseTool(fields, lastRole);
  const answer = call ? writeText(call.arguments, cap) : writeAnswer(prompt, cap, stamp.length);
  readNumber(fields, 'temperature', 0, 2);
  refuseSeveral(fields);
  const words = renderWords(answer, call, stamp);
  const usage = renderUsage(inputTokens, answer.tokens.length);
  const head = (object: string) =>
    `{"id":"chatcmpl-mock-${stamp.serial}","object":"${object}","created":${stamp.created},` +
    `"model":${JSON.stringify(model)},"service_tier":"default","system_fingerprint":"fp_mock",`;

  return {
    model,
    tokens: answer.tokens.length,
    renderBody: () =>
      `${head('chat.completion')}"choices":[{"index":0,"message":{"role":"assistant",` +
      `${words.whole},"refusal":null,"annotations":[]},"logprobs":null,` +
      `"finish_reason":"${words.finishReason}"}],"usage":${usage}}`,
    events: readBoolean(fields, 'stream')
      ? renderEvents(words, head('chat.completion.chunk'), wantsUsage(fields) && usage)
      : undefined,
  };
}

function readMessages(fields: Fields) {
  let prompt = '';
  let inputTokens = countToolTokens(fields);
  let lastRole: unknown;
  for (const [index, item] of readList(fields, 'messages').entries()) {
    const message = readFields(item, `messages[${index}]`);
    const text = readText(message.content, `messages[${index}].content`);
    inputTokens += countTokens(text);
    lastRole = readRole(message, index);
    if (lastRole === 'user') prompt = text;
  }
  return { prompt, inputTokens, lastRole };
}

const ROLES: readonly unknown[] = ['system', 'assistant', 'user', 'function', 'tool', 'developer'];

function readRole({ role }: Fields, index: number): unknown {
  if (ROLES.includes(role)) return role;
  const param = `messages[${index}].role`;
  const known = ROLES.map((name) => `'${name}'`).join(', ');
  throw new ApiError(400, `Invalid value: '${role}'. Supported values are: ${known}.`, {
    param,
    code: 'invalid_value',
  });
}

function refuseSeveral(fields: Fields): void {
  if ((readInteger(fields, 'n', 1) ?? 1) === 1) return;
  throw new ApiError(400, "Unsupported value: 'n' must be 1 here.", {
    param: 'n',
    code: 'unsupported_value',
  });
}

function wantsUsage(fields: Fields): boolean {
  const options = fields.stream_options ?? {};
  return readBoolean(readFields(options, 'stream_options'), 'include_usage');
}

/** What tells words from the call of a tool, as members of a message and of the deltas of a stream. */
interface Words {
  readonly whole: string;
  readonly first: string;
  readonly finishReason: string;
  renderToken(index: number): string;
}

function renderWords(answer: Answer, call: ToolCall | undefined, stamp: Stamp): Words {
  const { tokens, text } = answer;
  const token = (index: number) => JSON.stringify(tokens[index % tokens.length]);
  const finishReason = (good: string) => (answer.cut ? 'length' : good);
  if (!call) {
    return {
      whole: `"content":${JSON.stringify(text)}`,
      first: '"content":""',
      finishReason: finishReason('stop'),
      renderToken: (index) => `"content":${token(index)}`,
    };
  }
  const before = `"id":"call_mock_${stamp.serial}","type":"function","function":`;
  const named = (json: string) => `{"name":${JSON.stringify(call.name)},"arguments":${json}}`;
  return {
    whole: `"content":null,"tool_calls":[{${before}${named(JSON.stringify(text))}}]`,
    first: `"content":null,"tool_calls":[{"index":0,${before}${named('""')}}]`,
    finishReason: finishReason('tool_calls'),
    renderToken: (index) => `"tool_calls":[{"index":0,"function":{"arguments":${token(index)}}}]`,
  };
}

function renderUsage(input: number, output: number): string {
  return (
    `{"prompt_tokens":${input},"completion_tokens":${output},"total_tokens":${input + output},` +
    '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},' +
    '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,' +
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
  );
}

function renderEvents(words: Words, head: string, usage: string | false): EventTexts {
  // A caller who asked for usage finds the member in every chunk, null until the last.
  const end = usage ? ',"usage":null}\n\n' : '}\n\n';
  const before = `data: ${head}"choices":[{"index":0,"delta":`;
  const afterWith = (finish: string) => `,"logprobs":null,"finish_reason":${finish}}]${end}`;
  const after = afterWith('null');
  const usageChunk = usage ? `data: ${head}"choices":[],"usage":${usage}}\n\n` : '';

  return {
    opening: `${before}{"role":"assistant",${words.first},"refusal":null}${after}`,
    closing: `${before}{}${afterWith(`"${words.finishReason}"`)}${usageChunk}data: [DONE]\n\n`,
    renderToken: (index) => `${before}{${words.renderToken(index)}}${after}`,
    renderError: (error: ApiErrorBody) => `data: ${JSON.stringify({ error })}\n\n`,
  };
}
