import { randomBytes } from 'node:crypto';
import type { UpstreamPace } from '../bench/report.ts';
import { formatUrl } from '../core/address.ts';
import type { Project } from '../effects/find-project.ts';
import { findFreePort } from '../effects/ports.ts';
import { resolveProgram } from '../effects/resolve-program.ts';
import { pointAt, serverEnv } from './run-server.ts';
import { withProgram } from './with-program.ts';

export interface BenchedServer {
  readonly url: string;
  /** The throw-away key that it takes. */
  readonly key: string;
  readonly mockUrl: string;
}

const HOST = '127.0.0.1';

/**
 * A project's server as `start` runs it, and the mock behind it, each in a process of its own, for
 * as long as the work takes. The limits are out of the way: they are not what is measured.
 */
export async function withBenchedServer<Result>(
  project: Project,
  { pace, connections }: { readonly pace: UpstreamPace; readonly connections: number },
  signal: AbortSignal,
  work: (server: BenchedServer, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const argv = await resolveProgram(project, project.manifest.commands.start);
  return withMock(pace, signal, async (mockUrl, signal) => {
    const key = randomBytes(24).toString('hex');
    const port = await findFreePort(HOST, 8000);
    const url = formatUrl(HOST, port);
    const limits = { MAX_CONCURRENCY: `${connections}`, MAX_QUEUE: `${connections}` };
    const env = serverEnv(
      project,
      { host: HOST, port, url, askedBy: undefined },
      {
        ...pointAt(mockUrl),
        APP_ENV: 'production',
        API_KEYS: key,
        RATE_LIMIT: '0',
        ...limits,
      },
    );
    const server = { name: 'The server', argv, cwd: project.directory, env, url };
    return withProgram(server, signal, (signal) => work({ url, key, mockUrl }, signal));
  });
}

/** In a process of its own, or it would take the time of the load. */
async function withMock<Result>(
  { ttft, tps, tokens }: UpstreamPace,
  signal: AbortSignal,
  work: (url: string, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const port = await findFreePort(HOST, 4010);
  const url = formatUrl(HOST, port);
  const flags = ['--port', port, '--host', HOST, '--ttft', ttft, '--tps', tps];
  const length = tokens === undefined ? [] : ['--tokens', tokens];
  const argv = [process.execPath, process.argv[1] ?? '', 'mock', ...flags, ...length];
  const mock = { name: 'The mock', argv: argv.map(String), cwd: process.cwd(), env: process.env };
  return withProgram({ ...mock, url, path: '/v1/models' }, signal, (signal) =>
    work(`${url}/v1`, signal),
  );
}
