import type { Judgement } from '../core/doctor.ts';

/** One line of `doctor`. A CliError that it throws is a bad finding, and its hint the way out. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<Judgement>;
}

/** Work that several checks need, done when the first of them asks. */
export function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
