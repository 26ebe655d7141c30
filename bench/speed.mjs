// How fast the generated servers are, beside the listing that people copy and beside the framework
// with nothing but a fast client, all against the same upstream:
//   node .scripts/build.mjs && node bench/speed.mjs [--stack fastapi,fastify,flask,express]
//     [--project DIR] [--only plain,streams,latency,paced,memory] [--rounds 3] [--seconds 4] [--json]
// Ours runs as in production with everything on; a server has one core, the upstream and the load
// the other. Rounds are interleaved, so that a busy moment of the machine meets all; answers are
// also told per second of processor time, which a busy neighbour hardly changes.
import { prepareContestants } from './contestants.mjs';
import { formatSpread, megabytes, printTable, quantile, readMemory } from './figures.mjs';
import {
  createSamples,
  holdStreams,
  MEASURES,
  measurePaced,
  runRounds,
  startTarget,
  startUpstream,
} from './measures.mjs';
import { runStacks, stopServer } from './servers.mjs';

/** Beside the snippet and the bare one, by the first word of what is measured. */
const AT_LEAST = {
  fastapi: { plain: [3, 0.75], streams: [15, 0.75], paced: [5, 0.75] },
  fastify: { plain: [4, 0.75], streams: [5, 0.75], paced: [5, 0.75] },
  flask: { plain: [1] },
  express: { plain: [1] },
};
const AT_MOST = {
  'added latency, p50 ms': [1, 1.5],
  'memory, idle': [1],
  'memory, 500 streams': [1],
};
const texts = { only: { type: 'string' }, json: { type: 'boolean' } };
const known = { numbers: { rounds: 3, seconds: 4 }, stacks: Object.keys(AT_LEAST), texts };
const report = { date: new Date().toISOString(), node: process.version, stacks: {} };

await runStacks(known, async (stack, options) => {
  const contestants = prepareContestants(stack, options.project);
  const isAsync = 'bare' in contestants;
  const only = options.only?.split(',') ?? ['memory', ...Object.keys(MEASURES), 'paced'];
  const isWanted = (name) =>
    only.includes(name) && (isAsync || !['streams', 'paced'].includes(name));
  const { samples, note } = createSamples();
  const upstream = await startUpstream();
  if (isWanted('memory')) {
    for (const [name, one] of Object.entries(contestants)) {
      const target = await startTarget(one, upstream);
      note('memory, idle', name, readMemory(target.server.pid));
      if (isAsync) note('memory, 500 streams', name, await holdStreams(target, upstream));
      await stopServer(target.server);
    }
  }
  const targets = { upstream: upstream.target };
  for (const [name, one] of Object.entries(contestants)) {
    targets[name] = await startTarget(one, upstream);
  }
  const measures = Object.keys(MEASURES).filter(isWanted);
  await runRounds(measures, targets, options, note);
  for (const [name, { server }] of Object.entries(targets)) {
    if (isWanted('memory') && server) note('memory, after the load', name, readMemory(server.pid));
  }
  if (isWanted('paced')) await measurePaced(targets, upstream, options.rounds, note);
  for (const { server } of Object.values(targets)) if (server) await stopServer(server);
  upstream.close();
  report.stacks[stack] = samples;
  if (!options.json) printReport(stack, samples, options);
  else if (stack === options.stacks.at(-1)) console.log(JSON.stringify(report, null, 2));
});

function printReport(stack, samples, { rounds, seconds }) {
  const rows = Object.entries(samples).map(([what, byName]) => {
    const format = what.startsWith('memory') ? megabytes : undefined;
    const cells = ['ours', 'snippet', 'bare', 'upstream'].map((name) =>
      formatSpread(byName[name], format),
    );
    return [what, ...cells, ...judge(stack, what, byName)];
  });
  console.log(`\n${stack}, Node ${process.version}: medians of ${rounds} rounds of ${seconds} s`);
  printTable([['', 'ours', 'snippet', 'bare', 'upstream alone', '/ snippet', '/ bare'], ...rows]);
}

/** The ratios of the medians, each with its aim. */
function judge(stack, what, byName) {
  const [word] = what.split(/\W/);
  const isLow = what in AT_MOST;
  const aims = AT_MOST[what] ?? AT_LEAST[stack][word] ?? [];
  return ['snippet', 'bare'].map((name, index) => {
    if (!byName[name]) return '–';
    const ratio = quantile(byName.ours, 0.5) / quantile(byName[name], 0.5);
    const aim = aims[index];
    if (aim === undefined) return ratio.toFixed(2);
    const isMet = isLow ? ratio <= aim : ratio >= aim;
    return `${ratio.toFixed(2)} (${isMet ? '' : 'NOT '}${isLow ? '≤' : '≥'} ${aim})`;
  });
}
