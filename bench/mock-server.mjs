// One server to measure, in a process of its own: `mock` or the bare `hello`.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const starters = { hello: startHello, mock: startMock };
const port = await starters[process.argv[2]]();

// The parent asks for the processor time so far: unlike the clock it ignores busy neighbours.
process.on('message', () => process.send({ cpu: process.cpuUsage() }));
process.on('disconnect', () => process.exit());
process.send({ port });

function startHello() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, ['Content-Type', 'text/plain', 'Content-Length', '5']);
      response.end('hello');
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

async function startMock() {
  const folder = await mkdtemp(join(tmpdir(), 'bench-mock-'));
  const outfile = join(folder, 'mock.mjs');
  const entry = fileURLToPath(new URL('../src/mock/index.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm' });
  const { startMock } = await import(pathToFileURL(outfile).href);
  await rm(folder, { recursive: true });
  return (await startMock()).port;
}
