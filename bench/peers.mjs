// The generated async servers beside gateways that people put in front of models, one core each,
// against the same upstream and under the same load:
//   npm run build && npm run bench:peers -- [--bifrost <program>] [--only plain,streams,latency,memory]
//     [--rounds 3] [--seconds 4] [--json]
// They are installed from their registries, in exact versions, below the system's temporary
// directory. A gateway does other things than ours (many providers, budgets, fallbacks), and passes
// on what our server checks and makes anew: this compares what a caller gets through one core.
// Bifrost is a program in Go: docs/peers.md says how it is built. It is in it where it is given.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cache, installNode, installPython, prepareContestants } from './contestants.mjs';
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

const texts = {
  only: { type: 'string' },
  json: { type: 'boolean' },
  bifrost: { type: 'string' },
};
const known = { numbers: { rounds: 3, seconds: 4 }, stacks: Object.keys(PEERS), texts };
const report = { date: new Date().toISOString(), node: process.version, stacks: {} };

await runStacks(known, async (stack, options) => {
  const only = options.only?.split(',') ?? ['memory', ...Object.keys(MEASURES)];
  const { name, prepare, aim } = PEERS[stack];
  const { samples, note } = createSamples();
  const upstream = await startUpstream();
  const targets = {
    upstream: upstream.target,
    ours: await startTarget(prepareContestants(stack, options.project).ours, upstream),
    [name]: await startTarget(prepare(upstream), upstream),
  };
  if (options.bifrost) {
    const bifrost = prepareBifrost(resolve(options.bifrost), upstream);
    targets.Bifrost = await startTarget(bifrost, upstream);
  }
  const servers = Object.entries(targets).filter(([, { server }]) => server);
  const noteMemory = (when) => {
    if (!only.includes('memory')) return;
    for (const [of, { server }] of servers) note(`memory, ${when}`, of, readMemory(server.pid));
  };
  noteMemory('idle');
  const measures = Object.keys(MEASURES).filter((measure) => only.includes(measure));
  await runRounds(measures, targets, options, note);
  noteMemory('after the load');
  for (const [, { server }] of servers) await stopServer(server);
  upstream.close();
  report.stacks[stack] = samples;
  if (!options.json) printReport(stack, Object.keys(targets).slice(2), samples, { [name]: aim });
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

/** From its file of settings alone: without the stores, of logs and of keys, that are databases. */
function prepareBifrost(program, upstream) {
  const directory = join(cache, 'bifrost');
  mkdirSync(directory, { recursive: true });
  const config = {
    client: { enable_logging: false },
    config_store: { enabled: false },
    logs_store: { enabled: false },
    providers: {
      openai: {
        keys: [{ name: 'bench', value: 'env.OPENAI_API_KEY', models: [], weight: 1 }],
        network_config: { base_url: new URL(upstream.url).origin },
      },
    },
  };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  const args = ['-app-dir', directory, '-host', '127.0.0.1', '-port', '{port}'];
  return {
    ...CALL,
    body: { ...CALL.body, model: `openai/${CALL.body.model}` },
    directory,
    start: [program, [...args, '-log-level', 'error']],
    env: {},
  };
}

/** What ours did, as a share of what each peer did, and whether that was the aim. */
function printReport(stack, peers, samples, aims) {
  const rows = Object.entries(samples).map(([what, { upstream = [], ours, ...theirs }]) => {
    const format = what.startsWith('memory') ? megabytes : undefined;
    const ratios = peers.map((peer) => {
      const ratio = quantile(ours, 0.5) / quantile(theirs[peer], 0.5);
      const aim = what.endsWith('/s') ? aims[peer] : undefined;
      return ratio.toFixed(2) + (aim ? ` (${ratio >= aim ? '' : 'NOT '}≥ ${aim})` : '');
    });
    const measured = [ours, ...peers.map((peer) => theirs[peer]), upstream];
    return [what, ...measured.map((values) => formatSpread(values, format)), ...ratios];
  });
  console.log(`\n${stack} beside ${peers.join(' and ')}, Node ${process.version}`);
  const shares = peers.map((peer) => `ours / ${peer}`);
  printTable([['', 'ours', ...peers, 'upstream alone', ...shares], ...rows]);
}
