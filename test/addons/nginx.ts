import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../contract/eventually.ts';
import { send } from '../contract/http.ts';
import { startProgram, stopProgram } from '../contract/program.ts';
import { findFreePort } from '../harness/free-port.ts';

/** What stands before the pods of a Service: nginx, as an Ingress runs it. */
export interface ReverseProxy {
  readonly url: string;
  /** From when this resolves, new requests go to these servers alone. */
  setServers(urls: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startProxy(servers: readonly string[]): Promise<ReverseProxy> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  // As root it works as nobody, who has to get there.
  await chmod(folder, 0o755);
  const file = join(folder, 'nginx.conf');
  let generation = 0;
  const write = (urls: readonly string[]): Promise<void> => {
    generation += 1;
    return writeFile(file, renderConfig(folder, port, urls, generation));
  };
  const settled = () =>
    eventually(async () => {
      const { text } = await send(url, { path: '/generation' });
      if (text !== String(generation)) throw new Error(`nginx is at ${text}, not ${generation}`);
    });
  await write(servers);
  const argv = ['nginx', '-e', 'stderr', '-p', folder, '-c', file];
  const program = startProgram(argv, { cwd: folder, env: { PATH: process.env.PATH ?? '' } });
  await settled();
  return {
    url,
    async setServers(urls) {
      await write(urls);
      program.kill('SIGHUP');
      await settled();
    },
    async stop() {
      await stopProgram(program);
      await rm(folder, { recursive: true });
    },
  };
}

/** It tries no other server when one fails: each failure of one is seen. */
function renderConfig(
  folder: string,
  port: number,
  servers: readonly string[],
  generation: number,
): string {
  const hosts = servers.map((server) => new URL(server).host);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
pid ${folder}/nginx.pid;
worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  upstream pods {
    ${hosts.map((host) => `server ${host} max_fails=0;`).join('\n    ')}
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${port};
    location = /generation { return 200 ${generation}; }
    location / {
      proxy_pass http://pods;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }
  }
}
`;
}
