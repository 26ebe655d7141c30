import { countTokens } from './answer.ts';
import { ApiError } from './errors.ts';
import { type Fields, readFields } from './read.ts';

/** The one call of a tool that the mock asks for. */
export interface ToolCall {
  readonly name: string;
  /** JSON that fits the tool's parameters. */
  readonly arguments: string;
}

/**
 * The first tool, or the one that `tool_choice` names. Once a tool has answered, the mock says its
 * words, so that a loop over tools comes to an end.
 */
export function chooseTool(fields: Fields, lastRole: unknown): ToolCall | undefined {
  const tools = (Array.isArray(fields.tools) ? fields.tools : []).flatMap((item, index) => {
    const tool = readFields(item, `tools[${index}]`);
    return tool.type === 'function' ? [readFields(tool.function, `tools[${index}].function`)] : [];
  });
  const choice = fields.tool_choice ?? 'auto';
  if (choice === 'none' || (choice === 'auto' && lastRole === 'tool')) return undefined;
  const wanted = typeof choice === 'string' ? tools[0]?.name : readChoice(choice);
  const tool = tools.find(({ name }) => name === wanted);
  if (tool) return { name: String(tool.name), arguments: JSON.stringify(invent(tool.parameters)) };
  if (wanted === undefined && choice === 'auto') return undefined;
  throw new ApiError(400, `Invalid value for 'tool_choice': no such function in 'tools'.`, {
    param: 'tool_choice',
  });
}

function readChoice(choice: unknown): unknown {
  const { function: named } = readFields(choice, 'tool_choice');
  return readFields(named, 'tool_choice.function').name;
}

/** The definitions are read by the model as well. */
export function countToolTokens({ tools }: Fields): number {
  return tools ? countTokens(JSON.stringify(tools)) : 0;
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The least that fits a JSON Schema: of an object, what it requires. */
function invent(schema: unknown): unknown {
  const { type = 'object', required = [], properties = {}, ...rest } = (schema ?? {}) as Schema;
  if (rest.enum) return rest.enum[0];
  switch (type) {
    case 'object':
      return Object.fromEntries(required.map((name) => [name, invent(properties[name])]));
    case 'array':
      return [];
    case 'string':
      return 'mock';
    case 'boolean':
      return true;
    default:
      return type === 'null' ? null : (rest.minimum ?? 0);
  }
}
