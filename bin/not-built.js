const { existsSync } = require('node:fs');
const { join, resolve } = require('node:path');

/** In a clone the bundle is not there until it is built. Apart, since a start has no time to lose. */
module.exports = function explain(error) {
  if (existsSync(join(__dirname, '../dist/cli/main.cjs'))) throw error;
  process.stderr.write(
    `error This clone of create-llm-api is not built yet.\n` +
      `Build it, in ${resolve(__dirname, '..')}: npm ci && npm run build\n`,
  );
  process.exit(1);
};
