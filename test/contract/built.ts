import type { StackName } from '../../src/core/stacks.ts';

/**
 * The parts of the contract that not every async stack has from its first day, and who has them.
 * A stack is added where its tests pass: `CONTRACT_AHEAD=1` runs them before that.
 */
const BUILT = {
  admission: ['fastapi', 'fastify'],
  auth: ['fastapi', 'fastify'],
  cancel: ['fastapi', 'fastify'],
  cors: ['fastapi', 'fastify'],
  deadlines: ['fastapi', 'fastify'],
  description: ['fastapi', 'fastify'],
  drain: ['fastapi', 'fastify'],
  headers: ['fastapi', 'fastify'],
  log: ['fastapi', 'fastify'],
  metrics: ['fastapi', 'fastify'],
  'rate-limit': ['fastapi', 'fastify'],
  schemathesis: ['fastify'],
  settings: ['fastapi', 'fastify'],
  'slow-body': ['fastapi'],
  statuses: ['fastapi', 'fastify'],
  websocket: ['fastapi', 'fastify'],
  workers: ['fastapi', 'fastify'],
} as const satisfies Readonly<Record<string, readonly StackName[]>>;

export type Part = keyof typeof BUILT;

export function hasBuilt(stack: StackName, part: Part): boolean {
  const stacks: readonly StackName[] = BUILT[part];
  return stacks.includes(stack) || process.env.CONTRACT_AHEAD !== undefined;
}
