import { Connection, type Exchange, type Failure } from './connection.ts';
import type { Target } from './target.ts';
import { untilAborted } from './until-aborted.ts';

export interface Probe {
  readonly failure: Failure | undefined;
  /** The system's name for what went wrong with the connection. */
  readonly problem: string | undefined;
  readonly address: string | undefined;
  /** Where a redirect leads, as it says it. */
  readonly location: string;
  readonly milliseconds: number;
}

const SWEEP_MS = 100;

/** Asks once, to know whether there is anything to measure. */
export async function probeTarget(target: Target, signal?: AbortSignal): Promise<Probe> {
  let hear = (_: Exchange): void => {};
  const heard = new Promise<Exchange>((resolve) => {
    hear = resolve;
  });
  const connection = new Connection(target, { received() {}, event() {}, ended: hear });
  const sweep = setInterval(
    () => connection.giveUpAfterTimeout(performance.now()),
    Math.min(SWEEP_MS, target.timeout),
  );
  try {
    connection.send(performance.now());
    const { startedAt, endedAt, failure } = await untilAborted(heard, signal);
    const { problem, address, location } = connection;
    return { failure, problem, address, location, milliseconds: endedAt - startedAt };
  } finally {
    clearInterval(sweep);
    connection.close();
  }
}
