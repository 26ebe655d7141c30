import type { StackName } from '../../src/core/stacks.ts';

/**
 * The parts of the contract that not every async stack has from its first day, and who has them.
 * A stack is added where its tests pass: `CONTRACT_AHEAD=1` runs them before that.
 */
const BUILT = {
  admission: ['fastify'],
  auth: ['fastify'],
  cancel: ['fastify'],
  cors: ['fastify'],
  deadlines: ['fastify'],
  description: ['fastify'],
  drain: ['fastify'],
  headers: ['fastify'],
  log: ['fastify'],
  metrics: ['fastify'],
  'rate-limit': ['fastify'],
  statuses: ['fastify'],
  websocket: ['fastify'],
  workers: ['fastify'],
} as const satisfies Readonly<Record<string, readonly StackName[]>>;

export type Part = keyof typeof BUILT;

export function hasBuilt(stack: StackName, part: Part): boolean {
  const stacks: readonly StackName[] = BUILT[part];
  return stacks.includes(stack) || process.env.CONTRACT_AHEAD !== undefined;
}
