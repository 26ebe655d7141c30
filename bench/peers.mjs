// The generated async servers beside gateways that people put in front of models, one core each,
// against the same upstream and under the same load:
//   npm run build && npm run bench:peers -- [--only plain,streams,latency,memory] [--rounds 3]
//     [--seconds 4] [--json]
// They are installed from their registries, in exact versions, below the system's temporary
// directory. A gateway does other things than ours (many providers, budgets, fallbacks), and passes
// on what our server checks and makes anew: this compares what a caller gets through one core.
// Bifrost is not in it: its npm package only loads a program from a host of its own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installNode, installPython, prepareContestants } from './contestants.mjs';
import { formatSpread, megabytes, printTable, quantile, readMemory } from './figures.mjs';
import { createSamples, MEASURES, runRounds, startTarget, startUpstream } from './measures.mjs';
import { CALLER_KEY, runStacks, stopServer } from './servers.mjs';

const LITELLM = '1.106.2';
const PORTKEY = '1.15.2';
/** By stack, the peer in the same language and how many times its answers ours should give. */
const PEERS = {
  fastapi: { name: `LiteLLM ${LITELLM}`, prepare: prepareLitellm, aim: 5 },
  fastify: { name: `Portkey ${PORTKEY}`, prepare: preparePortkey, aim: 2 },
};
const CALL = {
  path: '/v1/chat/completions',
  body: {
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'What is the capital of France?' }],
  },
};

const texts = { only: { type: 'string' }, json: { type: 'boolean' } };
const known = { numbers: { rounds: 3, seconds: 4 }, stacks: Object.keys(PEERS), texts };
const report = { date: new Date().toISOString(), node: process.version, pairs: {} };

await runStacks(known, async (stack, options) => {
  const only = options.only?.split(',') ?? ['memory', ...Object.keys(MEASURES)];
  const { name: peer, prepare, aim } = PEERS[stack];
  const { samples, note } = createSamples();
  const upstream = await startUpstream();
  const targets = {
    upstream: upstream.target,
    ours: await startTarget(prepareContestants(stack, options.project).ours, upstream),
    peer: await startTarget(prepare(upstream), upstream),
  };
  const noteMemory = (when) => {
    if (!only.includes('memory')) return;
    for (const name of ['ours', 'peer']) {
      note(`memory, ${when}`, name, readMemory(targets[name].server.pid));
    }
  };
  noteMemory('idle');
  const measures = Object.keys(MEASURES).filter((name) => only.includes(name));
  await runRounds(measures, targets, options, note);
  noteMemory('after the load');
  for (const { server } of Object.values(targets)) if (server) await stopServer(server);
  upstream.close();
  report.pairs[stack] = { peer, samples };
  if (!options.json) printReport(stack, peer, samples, aim);
  else if (stack === options.stacks.at(-1)) console.log(JSON.stringify(report, null, 2));
});

/** One process with a key and no database, and nothing sent home. */
function prepareLitellm() {
  const directory = installPython('litellm', [`litellm[proxy]==${LITELLM}`]);
  const config = {
    model_list: [
      {
        model_name: CALL.body.model,
        litellm_params: {
          model: `openai/${CALL.body.model}`,
          api_base: 'os.environ/OPENAI_BASE_URL',
          api_key: 'os.environ/OPENAI_API_KEY',
        },
      },
    ],
    litellm_settings: { telemetry: false, set_verbose: false },
  };
  // JSON is YAML.
  writeFileSync(join(directory, 'config.yaml'), JSON.stringify(config));
  const args = ['--config', 'config.yaml', '--host', '127.0.0.1', '--port', '{port}'];
  return {
    ...CALL,
    directory,
    start: [join(directory, '.venv', 'bin', 'litellm'), [...args, '--num_workers', '1']],
    env: {
      PATH: `${join(directory, '.venv', 'bin')}:${process.env.PATH}`,
      LITELLM_MASTER_KEY: CALLER_KEY,
      LITELLM_LOG: 'ERROR',
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_MODE: 'PRODUCTION',
    },
  };
}

/** Each request says which provider it is for, and where that is. */
function preparePortkey(upstream) {
  const directory = installNode('portkey', {
    '@portkey-ai/gateway': PORTKEY,
    // The oldest that it allows: with the newest each of its streams is a 500 on Node 20.
    '@hono/node-server': '1.3.3',
  });
  const bin = join('node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  return {
    ...CALL,
    headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstream.url },
    directory,
    start: [process.execPath, [bin, '--headless', '--port={port}']],
    env: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: 'localhost,127.0.0.1' },
  };
}

function printReport(stack, peer, samples, aim) {
  const rows = Object.entries(samples).map(([what, { ours, peer: theirs, upstream = [] }]) => {
    const format = what.startsWith('memory') ? megabytes : undefined;
    const ratio = quantile(ours, 0.5) / quantile(theirs, 0.5);
    const isAimed = what.endsWith('/s');
    const verdict = isAimed ? ` (${ratio >= aim ? '' : 'NOT '}≥ ${aim})` : '';
    const cells = [ours, theirs, upstream].map((values) => formatSpread(values, format));
    return [what, ...cells, `${ratio.toFixed(2)}${verdict}`];
  });
  console.log(`\n${stack} beside ${peer}, Node ${process.version}`);
  printTable([['', 'ours', peer, 'upstream alone', 'ours / theirs'], ...rows]);
}
