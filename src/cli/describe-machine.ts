import { availableParallelism, cpus, platform } from 'node:os';
import { VERSION } from './version.ts';

/** Where and when figures were had: without it they are worth nothing. */
export function describeMachine(): string {
  const processor = cpus()[0]?.model.trim() || 'an unnamed processor';
  const cores = availableParallelism();
  const date = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return [
    `Measured ${date} on ${processor}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${platform()}`,
    `by llm-api bench of create-llm-api ${VERSION} on Node ${process.version}.`,
  ].join(', ');
}
