import { generate, parseEvents, send } from '../contract/http.ts';

/** What became of the requests of a load. */
export interface Outcomes {
  readonly requests: number;
  /** Of those without a whole answer: what they got. */
  readonly failures: readonly string[];
}

/** Asks, plain and streaming in turn, so many times a second until it is stopped. */
export function startLoad(
  url: string,
  perSecond: number,
  headers: Readonly<Record<string, string>>,
): { stop(): Promise<Outcomes> } {
  const asked: Promise<string | undefined>[] = [];
  const timer = setInterval(() => {
    asked.push(ask(url, asked.length % 2 === 1, headers));
  }, 1000 / perSecond);
  return {
    async stop() {
      clearInterval(timer);
      const outcomes = await Promise.all(asked);
      const failures = outcomes.filter((outcome) => outcome !== undefined);
      return { requests: asked.length, failures };
    },
  };
}

/** Undefined when the answer is whole. */
async function ask(
  url: string,
  stream: boolean,
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    const { status, text } = await send(url, generate({ stream }, headers));
    if (status !== 200) return `${status} ${text}`;
    const whole = stream
      ? parseEvents(text).at(-1) === '[DONE]'
      : JSON.parse(text).finish_reason === 'stop';
    return whole ? undefined : `not whole: ${text}`;
  } catch (error) {
    return String(error);
  }
}
