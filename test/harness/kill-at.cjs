// Loaded before a program: the process is killed, as if the power had gone, before the n-th call
// that changes the disk (KILL_AT); with none it prints how many there were.
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const CALLS = [
  ...['writeFileSync', 'renameSync', 'mkdirSync', 'rmSync', 'rmdirSync', 'copyFileSync'],
  ...['chmodSync', 'symlinkSync', 'unlinkSync'],
];
const at = Number(process.env.KILL_AT);
let count = 0;
for (const name of CALLS) {
  const call = fs[name];
  fs[name] = (...args) => {
    count++;
    if (count === at) {
      // Half a file is what a kill leaves of a write, too.
      if (name === 'writeFileSync') call(args[0], String(args[1]).slice(0, 3), args[2]);
      process.kill(process.pid, 'SIGKILL');
    }
    return call(...args);
  };
}
syncBuiltinESMExports();
process.on('exit', () => {
  if (process.env.KILL_COUNT) fs.appendFileSync(process.env.KILL_COUNT, `${count}\n`);
});
