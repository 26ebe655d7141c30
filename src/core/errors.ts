/** Exit codes of the command line: the one table every command answers with. */
export const EXIT = { done: 0, failed: 1, usage: 2, missingAnswer: 4, cancelled: 130 } as const;

export interface CliErrorOptions {
  /** The way out: what to type or change. Printed on its own line. */
  readonly hint?: string | undefined;
  /** Default 1. */
  readonly exitCode?: number;
  readonly cause?: unknown;
  /** What `--json` adds to the error: how far it got. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * What the user did or met, said in one sentence. Thrown anywhere, caught once in cli/main.ts;
 * any other error that gets there is a bug of ours and is reported as one.
 */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly hint: string | undefined;
  readonly exitCode: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.details = options.details ?? {};
  }
}

/** Wrong usage: exit code 2. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { hint, exitCode: EXIT.usage });
}
