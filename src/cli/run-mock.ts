import { claimAddress, planAddress } from '../effects/choose-address.ts';
import { listenForStop } from '../effects/stop-requests.ts';
import { startMock } from '../mock/index.ts';
import type { MockFlags } from './mock.ts';
import { createPrinter } from './print.ts';

export async function runMock(flags: MockFlags): Promise<void> {
  const print = createPrinter();
  // HOST and PORT are the server's, which may well run beside the mock.
  const nothing = { get: () => undefined, source: () => '' };
  await claimAddress(planAddress(flags, nothing));
  const { host, port, fault, ttft, tps, tokens, retryAfter } = flags;
  const requests = listenForStop();
  const mock = await startMock({
    host,
    port,
    fault,
    tokens,
    ...(ttft !== undefined && { timeToFirstToken: ttft }),
    ...(tps !== undefined && { tokensPerSecond: tps }),
    ...(retryAfter !== undefined && { retryAfter }),
  });
  print.say(`The mock listens on ${mock.url}`);
  if (fault) print.say(`Every request meets the fault ${fault}.`);
  print.say(
    `Point a server at it:\n  OPENAI_BASE_URL=${mock.url} OPENAI_API_KEY=mock\n` +
      'in its environment or .env. Ctrl-C ends it.',
  );
  try {
    await requests.asked;
  } finally {
    requests.dispose();
    await mock.close();
  }
}
