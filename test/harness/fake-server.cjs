// A project's server for the tests of who runs it: answers like one, and misbehaves as FAKE says.
const { spawn } = require('node:child_process');
const { appendFileSync } = require('node:fs');
const { createServer } = require('node:http');

const traits = (process.env.FAKE ?? '').split(',');
const has = (trait) => traits.includes(trait);
// A question to the interpreter: this is none.
if (process.argv[2] === '-I') process.exit(1);
const notePid = (pid) => appendFileSync('pids', `${pid}\n`);
notePid(process.pid);

if (has('refuses')) {
  process.stderr.write('OPENAI_API_KEY: is needed in production\n');
  process.exit(3);
}

const ignore = "for (const s of ['SIGINT','SIGTERM','SIGHUP']) process.on(s, () => {});";
if (has('family')) {
  for (const code of ['', ignore]) {
    const script = `${code} setInterval(() => {}, 1000); process.send('up')`;
    const child = spawn(process.execPath, ['-e', script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', () => notePid(child.pid));
  }
}

const server = createServer((request, response) => {
  const { method, url } = request;
  response.setHeader('content-type', 'application/json');
  if (url === '/crash') process.exit(7);
  if (url === '/env') return response.end(JSON.stringify(process.env));
  if (method !== 'POST') return response.end('{}');
  request.on('data', (body) => {
    if (!has('fails')) return response.end(JSON.stringify({ text: `${JSON.parse(body).prompt}!` }));
    response.writeHead(502);
    response.end(JSON.stringify({ title: 'Upstream failed', status: 502, request_id: 'r1' }));
  });
});
if (has('deaf')) setInterval(() => {}, 1000);
else server.listen(Number(process.env.PORT), process.env.HOST);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    process.stdout.write(`the server got ${signal}\n`);
    if (has('stubborn')) return;
    if (has('drains')) setTimeout(() => process.exit(0), 1200);
    else process.exit(has('ends-badly') ? 5 : 0);
  });
}
