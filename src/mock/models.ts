import { FAULTS } from './faults.ts';
import { checkModel } from './read.ts';
import type { Reply, Stamp } from './reply.ts';

/** `GET /v1/models`: the mock by its own name, and one model for each fault. */
export function listModels(): Reply {
  const names = ['mock', ...FAULTS.map(({ name }) => `mock-${name}`)];
  return jsonReply({ object: 'list', data: names.map(describeModel) });
}

/** `GET /v1/models/{id}`: every name that a request may use exists. */
export function showModel(_body: unknown, _stamp: Stamp, rest: string): Reply {
  const id = decode(rest);
  checkModel(id);
  return jsonReply(describeModel(id));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function describeModel(id: string) {
  return { id, object: 'model', created: 0, owned_by: 'create-llm-api' };
}

function jsonReply(body: unknown): Reply {
  return { tokens: 0, renderBody: () => JSON.stringify(body) };
}
