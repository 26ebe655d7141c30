import type { Answer } from './answer.ts';
import type { EventTexts } from './reply.ts';

interface Parts {
  readonly answer: Answer;
  /** The one message of the output, without its status and content. */
  readonly item: { readonly id: string };
  readonly started: object;
  readonly finished: { readonly status: string; readonly output: readonly unknown[] };
}

/** The whole sequence from `response.created` to `response.completed`, numbered throughout. */
export function renderResponseEvents({ answer, item, started, finished }: Parts): EventTexts {
  const { tokens, text } = answer;
  const part = { item_id: item.id, output_index: 0, content_index: 0 };

  const opening = [
    { type: 'response.created', response: started },
    { type: 'response.in_progress', response: started },
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...item, status: 'in_progress', content: [] },
    },
    { type: 'response.content_part.added', ...part, part: describeText('') },
  ];
  const closing = [
    { type: 'response.output_text.done', ...part, logprobs: [], text },
    { type: 'response.content_part.done', ...part, part: describeText(text) },
    { type: 'response.output_item.done', output_index: 0, item: finished.output[0] },
    { type: `response.${statusOf(answer)}`, response: finished },
  ];
  const first = opening.length;

  return {
    opening: opening.map((event, index) => renderEvent(event, index)).join(''),
    closing: closing
      .map((event, index) => renderEvent(event, first + tokens.length + index))
      .join(''),
    renderToken: (index) => {
      const delta = tokens[index % tokens.length];
      const event = { type: 'response.output_text.delta', ...part, logprobs: [], delta };
      return renderEvent(event, first + index);
    },
    renderError: ({ message, param, code }, index) =>
      renderEvent({ type: 'error', code: code ?? 'server_error', message, param }, first + index),
  };
}

export function describeText(text: string) {
  return { type: 'output_text', annotations: [], logprobs: [], text };
}

export function statusOf(answer: Answer): 'completed' | 'incomplete' {
  return answer.cut ? 'incomplete' : 'completed';
}

function renderEvent(event: { type: string; [member: string]: unknown }, number: number): string {
  const { type, ...rest } = event;
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, ...rest })}\n\n`;
}
