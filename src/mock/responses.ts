import { type Answer, countTokens, writeAnswer } from './answer.ts';
import { missing, wrongType } from './errors.ts';
import {
  type Fields,
  readBoolean,
  readFields,
  readInteger,
  readModel,
  readNumber,
  readText,
} from './read.ts';
import type { Reply, Stamp } from './reply.ts';
import { describeText, renderResponseEvents, statusOf } from './responses-events.ts';

/** `POST /v1/responses`. */
export function answerResponses(body: unknown, stamp: Stamp): Reply {
  const fields = readFields(body);
  const model = readModel(fields);
  const { prompt, inputTokens } = readInput(fields);
  const cap = readInteger(fields, 'max_output_tokens', 1);
  const answer = writeAnswer(prompt, cap, stamp.length);
  const response = describeResponse(fields, model, stamp);
  const item = { id: `msg_mock_${stamp.serial}`, type: 'message', role: 'assistant' };
  const started = { ...response, status: 'in_progress', output: [], usage: null };
  const finished = {
    ...response,
    ...describeEnd(answer, stamp),
    output: [{ ...item, status: statusOf(answer), content: [describeText(answer.text)] }],
    usage: describeUsage(inputTokens, answer.tokens.length),
  };

  return {
    model,
    tokens: answer.tokens.length,
    renderBody: () => JSON.stringify(finished),
    events: readBoolean(fields, 'stream')
      ? renderResponseEvents({ answer, item, started, finished })
      : undefined,
  };
}

function readInput(fields: Fields): { prompt: string; inputTokens: number } {
  const { input, instructions } = fields;
  if (input === undefined || input === null) throw missing('input');
  const instructionTokens = countTokens(readText(instructions, 'instructions'));
  if (typeof input === 'string') {
    return { prompt: input, inputTokens: instructionTokens + countTokens(input) };
  }
  if (!Array.isArray(input)) throw wrongType('input', 'a string or an array', input);
  let prompt = '';
  let inputTokens = instructionTokens;
  for (const [index, value] of input.entries()) {
    const item = readFields(value, `input[${index}]`);
    const text = readText(item.content, `input[${index}].content`);
    inputTokens += countTokens(text);
    if (item.role === 'user') prompt = text;
  }
  return { prompt, inputTokens };
}

function describeResponse(fields: Fields, model: string, { serial, created }: Stamp) {
  return {
    id: `resp_mock_${serial}`,
    object: 'response',
    created_at: created,
    status: 'completed',
    background: false,
    completed_at: null as number | null,
    error: null,
    incomplete_details: null as { reason: string } | null,
    instructions: fields.instructions ?? null,
    max_output_tokens: fields.max_output_tokens ?? null,
    max_tool_calls: null,
    model,
    output: [] as unknown[],
    parallel_tool_calls: true,
    previous_response_id: fields.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    store: fields.store ?? true,
    temperature: readNumber(fields, 'temperature', 0, 2) ?? 1,
    text: { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: fields.top_p ?? 1,
    truncation: 'disabled',
    usage: null as unknown,
    user: null,
    metadata: fields.metadata ?? {},
  };
}

function describeEnd(answer: Answer, { created }: Stamp) {
  return answer.cut
    ? { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
    : { status: 'completed', completed_at: created };
}

function describeUsage(input: number, output: number) {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
}
