/** Text that is already HTML. Anything else that `html` is given is text, and is escaped. */
export interface Html {
  readonly html: string;
}

type Value = string | number | Html | readonly Html[];

/** A piece of a page: whatever is put into it cannot become markup unless it is Html itself. */
export function html(pieces: TemplateStringsArray, ...values: readonly Value[]): Html {
  const rest = values.map((value, index) => `${toHtml(value)}${pieces[index + 1]}`);
  return { html: `${pieces[0]}${rest.join('')}` };
}

function toHtml(value: Value): string {
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return 'html' in value ? value.html : value.map((one) => one.html).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
