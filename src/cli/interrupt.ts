import { CliError, EXIT } from '../core/errors.ts';

/** 128 + 15, as shells report it. */
const EXIT_TERMINATED = 143;

/**
 * Runs work that Ctrl-C, SIGTERM or a closed terminal ends through its signal. The signal's reason
 * is the CliError to end with.
 */
export async function withInterrupt<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const cancel = (): void =>
    controller.abort(new CliError('Cancelled.', { exitCode: EXIT.cancelled }));
  const terminate = (): void =>
    controller.abort(new CliError('Ended by a signal.', { exitCode: EXIT_TERMINATED }));
  process.on('SIGINT', cancel).on('SIGTERM', terminate).on('SIGHUP', terminate);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', cancel).off('SIGTERM', terminate).off('SIGHUP', terminate);
  }
}
