import type { StopSignal } from './process-tree.ts';

/** npm hands the terminal's Ctrl-C on to its child, which has had it already: that is one, not two. */
const ECHO_MS = 150;

/** Who wants us to stop, and how much. */
export interface StopRequests {
  /** The first request. */
  readonly asked: Promise<StopSignal>;
  /** A Ctrl-C while we are stopping: no more patience. */
  readonly insisted: Promise<void>;
  /** Asks as if a signal had come. */
  stop(): void;
  /** Gives the signals back to whoever had them. */
  dispose(): void;
}

/** Takes Ctrl-C, SIGTERM and the closing of the terminal over, until it is disposed. */
export function listenForStop(): StopRequests {
  let ask: (signal: StopSignal) => void = () => {};
  let insist: () => void = () => {};
  let askedAt: number | undefined;
  const asked = new Promise<StopSignal>((resolve) => {
    ask = resolve;
  });
  const insisted = new Promise<void>((resolve) => {
    insist = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (askedAt !== undefined && signal === 'SIGINT' && now - askedAt > ECHO_MS) insist();
    askedAt ??= now;
    // A closed terminal is nobody's wish to end a server in a special way.
    ask(signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    asked,
    insisted,
    stop: () => onSignal('SIGTERM'),
    dispose() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
