import { type Answer, countTokens, writeAnswer } from './answer.ts';
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

/** `POST /v1/chat/completions`. JSON is put together by hand: this is what load tests lean on. */
export function answerChat(body: unknown, stamp: Stamp): Reply {
  const fields = readFields(body);
  const model = readModel(fields);
  const { prompt, inputTokens } = readMessages(fields);
  const limit = readInteger(fields, 'max_completion_tokens', 1);
  const cap = limit ?? readInteger(fields, 'max_tokens', 1);
  const answer = writeAnswer(prompt, cap, stamp.length);
  readNumber(fields, 'temperature', 0, 2);
  refuseSeveral(fields);
  const usage = renderUsage(inputTokens, answer.tokens.length);
  const head = (object: string) =>
    `{"id":"chatcmpl-mock-${stamp.serial}","object":"${object}","created":${stamp.created},` +
    `"model":${JSON.stringify(model)},"service_tier":"default","system_fingerprint":"fp_mock",`;

  return {
    model,
    tokens: answer.tokens.length,
    renderBody: () =>
      `${head('chat.completion')}"choices":[{"index":0,"message":{"role":"assistant","content":` +
      `${JSON.stringify(answer.text)},"refusal":null,"annotations":[]},"logprobs":null,` +
      `"finish_reason":"${finishReason(answer)}"}],"usage":${usage}}`,
    events: readBoolean(fields, 'stream')
      ? renderEvents(answer, head('chat.completion.chunk'), wantsUsage(fields) && usage)
      : undefined,
  };
}

function readMessages(fields: Fields): { prompt: string; inputTokens: number } {
  let prompt = '';
  let inputTokens = 0;
  for (const [index, item] of readList(fields, 'messages').entries()) {
    const message = readFields(item, `messages[${index}]`);
    const text = readText(message.content, `messages[${index}].content`);
    inputTokens += countTokens(text);
    if (readRole(message, index) === 'user') prompt = text;
  }
  return { prompt, inputTokens };
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

function finishReason(answer: Answer): string {
  return answer.cut ? 'length' : 'stop';
}

function renderUsage(input: number, output: number): string {
  return (
    `{"prompt_tokens":${input},"completion_tokens":${output},"total_tokens":${input + output},` +
    '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},' +
    '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,' +
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
  );
}

function renderEvents(answer: Answer, head: string, usage: string | false): EventTexts {
  // A caller who asked for usage finds the member in every chunk, null until the last.
  const end = usage ? ',"usage":null}\n\n' : '}\n\n';
  const before = `data: ${head}"choices":[{"index":0,"delta":`;
  const afterWith = (finish: string) => `,"logprobs":null,"finish_reason":${finish}}]${end}`;
  const after = afterWith('null');
  const usageChunk = usage ? `data: ${head}"choices":[],"usage":${usage}}\n\n` : '';
  const { tokens } = answer;

  return {
    opening: `${before}{"role":"assistant","content":"","refusal":null}${after}`,
    closing: `${before}{}${afterWith(`"${finishReason(answer)}"`)}${usageChunk}data: [DONE]\n\n`,
    renderToken: (index) =>
      `${before}{"content":${JSON.stringify(tokens[index % tokens.length])}}${after}`,
    renderError: (error: ApiErrorBody) => `data: ${JSON.stringify({ error })}\n\n`,
  };
}
